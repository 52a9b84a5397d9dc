# SPDX-License-Identifier: Apache-2.0
"""The hypercall table and what is generated from it: the generator refuses every broken table, docs/abi.md is up to
date, each header of the ABI compiles alone, and the wrappers keep the calling convention."""

import importlib.util
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
WRITTEN = ROOT / "abi/include"
STRICT = ["-pedantic", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]


def load_generator():
    spec = importlib.util.spec_from_file_location("generate_abi", ROOT / "tools/generate-abi.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generate_abi = load_generator()
BASE = generate_abi.read_base(WRITTEN / "ringfold/base.h")
TABLE = (ROOT / "abi/hypercalls.toml").read_text(encoding="utf-8")

ENTRY = """
[[hypercall]]
number = {number}
name = "{name}"
summary = "Does it."
since = 1
arguments = [
  {{ name = "first", bits = 32, register = "rdi", meaning = "one" }},
  {{ name = "second", bits = 64, register = "rsi", meaning = "two" }},
]
results = [{{ register = "rdx", meaning = "three" }}]
rights = "none"
errors = [{{ error = "EINVAL", cause = "never right" }}, {{ error = "ENOENT", cause = "not there" }}]
"""
SOUND = ENTRY.format(number=0, name="one") + ENTRY.format(number=1, name="two")


@pytest.fixture(scope="module", name="generated")
def fixture_generated(tmp_path_factory):
    directory = tmp_path_factory.mktemp("generated")
    subprocess.run([ROOT / "tools/generate-abi.py", "--headers", directory, "--reference", directory / "abi.md"],
                   check=True)
    return directory


def test_reference_page_is_up_to_date(generated):
    fresh = (generated / "abi.md").read_text(encoding="utf-8")
    assert (ROOT / "docs/abi.md").read_text(encoding="utf-8") == fresh, "run `make abi` and commit docs/abi.md"


def test_reference_page_names_every_error_with_its_cause(generated):
    page = (generated / "abi.md").read_text(encoding="utf-8")
    for call in generate_abi.read_table(TABLE, BASE):
        section = page.split(f"### {call.number}: {call.name}\n", 1)[1].split("\n### ", 1)[0]
        for error, cause in call.errors:
            assert f"| {error} | {cause} |" in section
        for argument in call.arguments:
            assert f"| {argument.name} | {argument.register.upper()} | {argument.bits} |" in section


def test_sound_table_is_read_whole():
    calls = generate_abi.read_table(SOUND, BASE)
    assert [(call.number, call.name, len(call.arguments)) for call in calls] == [(0, "one", 2), (1, "two", 2)]


@pytest.mark.parametrize(("old", "new", "reason"), [
    ("number = 1", "number = 0", "number 0, but 1 is next"),
    ("number = 1", "number = 2", "number 2, but 1 is next"),
    ("number = 1", "number = true", "number is not of type int"),
    ('name = "two"', 'name = "one"', "two hypercalls of one name"),
    ('name = "two"', 'name = "Two"', "is no name"),
    ('name = "two"', 'name = "switch"', "is no name"),
    ("since = 1", "since = 0", "since version 0"),
    ("since = 1", "since = 99", "since version 99"),
    ('summary = "Does it."', "", "missing summary"),
    ('summary = "Does it."', 'summary = " "', "summary is empty"),
    ('summary = "Does it."', 'summary = "Does it."\nsumary = "x"', "unknown key sumary"),
    ('error = "ENOENT"', 'error = "ENOTHING"', "unknown error ENOTHING"),
    ('error = "ENOENT"', 'error = "EINVAL"', "an error stands twice"),
    ('cause = "not there"', 'cause = ""', "cause is empty"),
    ('register = "rsi"', 'register = "rdx"', "second is in rdx, not rsi"),
    ("bits = 64", "bits = 63", "second has 63 bits"),
    ('name = "second"', 'name = "first"', "two arguments first"),
    ('rights = "none"', 'rights = "all"', "unknown rights 'all'"),
    ('rights = "none"', 'rights = "none"\nprogress = "steps"', "rdx cannot be both"),
    ('register = "rdx"', 'register = "rax"', "a result can only be in rdx"),
    ('rights = "none"', 'rights = "none"\nalone = 1', "alone is not of type bool"),
    ("results = [", 'results = [{ register = "rdx", meaning = "x" }, ', "more than one result"),
    ("[[hypercall]]", "[[hypercal]]", "missing hypercall"),
    ("[[hypercall]]", "[[hypercall", "Expected"),
])
def test_broken_table_is_refused(old, new, reason):
    head, tail = SOUND.rsplit("[[hypercall]]", 1)
    broken = head + ("[[hypercall]]" + tail).replace(old, new, 1)
    if old == "[[hypercall]]":
        broken = SOUND.replace(old, new)
    assert broken != SOUND
    with pytest.raises(generate_abi.TableError, match=reason):
        generate_abi.read_table(broken, BASE)


def test_calls_that_go_alone_are_listed():
    head, tail = SOUND.rsplit('rights = "none"', 1)
    calls = generate_abi.read_table(head + 'alone = true\nrights = "none"' + tail, BASE)
    assert [line for line in generate_abi.alone_table(calls).splitlines() if line.startswith("ALONE")] == ["ALONE(1, two)"]


def test_too_many_arguments_are_refused():
    argument = '{ name = "first", bits = 32, register = "rdi", meaning = "one" },'
    with pytest.raises(generate_abi.TableError, match="more than 6 arguments"):
        generate_abi.read_table(SOUND.replace(argument, argument * 6, 1), BASE)


HEADERS = sorted(path.name for path in (WRITTEN / "ringfold").glob("*.h")) + ["hypercall_numbers.h",
                                                                              "hypercall_wrappers.h"]


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("compiler", [
    ["gcc", "-x", "c", "-std=c11"],
    ["g++", "-x", "c++", "-std=c++20", "-Wold-style-cast", "-Wconversion", "-Wshadow"],
    ["clang", "-x", "c", "-std=c11"],
    ["clang++", "-x", "c++", "-std=c++20", "-Wold-style-cast", "-Wconversion", "-Wshadow"],
], ids=["gcc-c11", "gcc-c++20", "clang-c11", "clang-c++20"])
def test_header_compiles_alone(header, compiler, generated):
    if shutil.which(compiler[0]) is None:
        pytest.skip(f"{compiler[0]} is not installed")
    source = f"#include <ringfold/{header}>\n#include <ringfold/{header}>\nextern int not_empty;\n"
    subprocess.run([*compiler, *STRICT, "-I", WRITTEN, "-I", generated, "-"], input=source, text=True, check=True)


def test_dispatch_table_declares_every_hypercall(generated, tmp_path):
    source = tmp_path / "dispatch.cpp"
    source.write_text("""
        #include <cstdint>
        #include <ringfold/domain.h>
        #include <ringfold/hypercall_numbers.h>
        enum class Second { nothing, value, progress };
        #define HYPERCALL(number, name, right, other, second, ...) int handle_##name(int caller __VA_OPT__(,) __VA_ARGS__);
        #include <ringfold/dispatch_table.inc>
        struct Row { unsigned number; uint64_t right, right_for_another; Second second; };
        #define HYPERCALL(number, name, right, other, second, ...) Row{number, right, other, Second::second},
        constexpr Row rows[] = {
        #include <ringfold/dispatch_table.inc>
        };
        static_assert(sizeof(rows) / sizeof(Row) == RINGFOLD_HYPERCALL_COUNT);
        static_assert(rows[RINGFOLD_HYPERCALL_PAGE_TABLE_BATCH].second == Second::progress);
        static_assert(rows[RINGFOLD_HYPERCALL_DOMAIN_CREATE].right == RINGFOLD_RIGHT_CONTROL);
        static_assert(rows[RINGFOLD_HYPERCALL_DOMAIN_DESCRIBE].right_for_another == RINGFOLD_RIGHT_INSPECT);
        int use(int caller) { return handle_version(caller, 1U) + handle_page_table_batch(caller, 2UL, 3UL); }
    """, encoding="utf-8")
    subprocess.run(["g++", "-std=c++20", *STRICT, "-I", WRITTEN, "-I", generated, source], check=True)


CONVENTION = r"""
#include <ringfold/hypercall_wrappers.h>
#include <stdio.h>

/* Stands in for SYSCALL: notes what arrives and spoils everything that a hypercall may spoil. */
uint64_t seen[7];
__asm__(".pushsection .text\n"
        ".globl ringfold_hypercall_entry\n"
        "ringfold_hypercall_entry:\n"
        "    mov %rax, seen(%rip)\n"
        "    mov %rdi, seen+8(%rip)\n"
        "    mov %rsi, seen+16(%rip)\n"
        "    mov %rdx, seen+24(%rip)\n"
        "    mov %r10, seen+32(%rip)\n"
        "    mov %r8, seen+40(%rip)\n"
        "    mov %r9, seen+48(%rip)\n"
        "    mov $-11, %rax\n"
        "    mov $0x123456789, %rdx\n"
        "    mov $-1, %rcx\n"
        "    mov $-1, %r11\n"
        "    ret\n"
        ".popsection\n");

static int failures;
static void expect(const char *what, uint64_t is, uint64_t should)
{
	if (is != should) {
		printf("%s: %llx, not %llx\n", what, (unsigned long long)is, (unsigned long long)should);
		failures++;
	}
}

static void expect_result(struct ringfold_hypercall_result result)
{
	expect("status", (uint64_t)result.status, (uint64_t)-RINGFOLD_EAGAIN);
	expect("value", result.value, 0x123456789);
}

int main(void)
{
	expect_result(ringfold_hypercall(0x101, 1, 2, 3, 4, 5, 6));
	expect("rax", seen[0], 0x101);
	for (uint64_t i = 1; i < 7; i++)
		expect("argument", seen[i], i);

	expect_result(ringfold_memory_populate(0xfeedfacecafe, 0x1122334455, 9));
	expect("rax", seen[0], RINGFOLD_HYPERCALL_MEMORY_POPULATE);
	expect("rdi", seen[1], 0xfeedfacecafe);
	expect("rsi", seen[2], 0x1122334455);
	expect("edx", (uint32_t)seen[3], 9);

	expect_result(ringfold_version(2));
	expect("rax", seen[0], RINGFOLD_HYPERCALL_VERSION);
	expect("edi", (uint32_t)seen[1], 2);
	return failures != 0;
}
"""


@pytest.mark.parametrize("optimisation", ["-O0", "-O2"])
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_wrappers_keep_the_calling_convention(compiler, optimisation, generated, tmp_path):
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    program = tmp_path / "convention"
    (tmp_path / "convention.c").write_text(CONVENTION, encoding="utf-8")
    subprocess.run([compiler, "-std=c11", "-pedantic", "-Wall", "-Wextra", "-Werror", optimisation, "-mno-red-zone",
                    "-I", WRITTEN, "-I", generated, tmp_path / "convention.c", "-o", program], check=True)
    run = subprocess.run([program], stdout=subprocess.PIPE, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, "")
