// SPDX-License-Identifier: Apache-2.0
#include "tests/hwprobe/features.hpp"

#include "tests/hwprobe/console.hpp"
#include "tests/hwprobe/processor.hpp"
#include "tests/hwprobe/text.hpp"

namespace hwprobe {
namespace {

enum class Word : uint8_t { eax, ebx, ecx, edx };

struct FeatureBit {
    const char *name;
    uint32_t leaf;
    uint32_t subleaf;
    Word word;
    unsigned bit;
};

// Intel SDM vol. 2, CPUID; AMD APM vol. 3, appendix E.
constexpr std::array feature_bits{
    FeatureBit{"NX", 0x8000'0001, 0, Word::edx, 20},
    FeatureBit{"FSGSBASE", 7, 0, Word::ebx, 0},
    FeatureBit{"SMEP", 7, 0, Word::ebx, 7},
    FeatureBit{"SMAP", 7, 0, Word::ebx, 20},
    FeatureBit{"UMIP", 7, 0, Word::ecx, 2},
    FeatureBit{"PCID", 1, 0, Word::ecx, 17},
    FeatureBit{"INVPCID", 7, 0, Word::ebx, 10},
    FeatureBit{"1GiB-pages", 0x8000'0001, 0, Word::edx, 26},
    FeatureBit{"x2APIC", 1, 0, Word::ecx, 21},
    FeatureBit{"TSC-deadline", 1, 0, Word::ecx, 24},
    FeatureBit{"invariant-TSC", 0x8000'0007, 0, Word::edx, 8},
    FeatureBit{"RDTSCP", 0x8000'0001, 0, Word::edx, 27},
    FeatureBit{"XSAVE", 1, 0, Word::ecx, 26},
    FeatureBit{"XSAVES", 0xd, 1, Word::eax, 3},
    FeatureBit{"PKU", 7, 0, Word::ecx, 3},
    FeatureBit{"PKS", 7, 0, Word::ecx, 31},
    FeatureBit{"CET-SS", 7, 0, Word::ecx, 7},
    FeatureBit{"CET-IBT", 7, 0, Word::edx, 20},
    FeatureBit{"LA57", 7, 0, Word::ecx, 16},
    FeatureBit{"UINTR", 7, 0, Word::edx, 5},
    FeatureBit{"FRED", 7, 1, Word::eax, 17},
    FeatureBit{"ARCH-CAPABILITIES", 7, 0, Word::edx, 29},
    FeatureBit{"VMX", 1, 0, Word::ecx, 5},
    FeatureBit{"SVM", 0x8000'0001, 0, Word::ecx, 2},
    FeatureBit{"hypervisor", 1, 0, Word::ecx, 31},
};

uint32_t word_of(const CpuidResult &result, Word word) {
    switch (word) {
        case Word::eax:
            return result.eax;
        case Word::ebx:
            return result.ebx;
        case Word::ecx:
            return result.ecx;
        case Word::edx:
            return result.edx;
    }
    return 0;
}

bool is_set(const FeatureBit &feature) {
    const uint32_t highest = cpuid(feature.leaf & 0x8000'0000).eax;
    if (feature.leaf > highest || (feature.leaf == 7 && feature.subleaf > cpuid(7).eax)) {
        return false;
    }
    return (word_of(cpuid(feature.leaf, feature.subleaf), feature.word) >> feature.bit & 1) != 0;
}

bool has(std::string_view name) {
    for (const FeatureBit &feature : feature_bits) {
        if (name == feature.name) {
            return is_set(feature);
        }
    }
    return false;
}

void add_characters(Text &text, uint32_t word) {
    for (unsigned i = 0; i < 4; ++i) {
        const auto character = static_cast<char>(word >> (8 * i));
        if (character >= ' ' && character <= '~') {
            text.add({&character, 1});
        }
    }
}

void add_brand(Text &text) {
    if (cpuid(0x8000'0000).eax < 0x8000'0004) {
        return;
    }
    for (uint32_t leaf = 0x8000'0002; leaf <= 0x8000'0004; ++leaf) {
        const CpuidResult part = cpuid(leaf);
        for (const uint32_t word : {part.eax, part.ebx, part.ecx, part.edx}) {
            add_characters(text, word);
        }
    }
}

void add_model(Text &text) {
    const uint32_t signature = cpuid(1).eax;
    uint32_t family = signature >> 8 & 0xf;
    uint32_t model = signature >> 4 & 0xf;
    if (family == 6 || family == 15) {
        model |= signature >> 12 & 0xf0;
    }
    if (family == 15) {
        family += signature >> 20 & 0xff;
    }
    text.add(", family ").add_number(family, 16).add("h model ").add_number(model, 16).add("h stepping ");
    text.add_number(signature & 0xf, 16).add("h");
}

void add_vendor(Text &text, const CpuidResult &words) {
    for (const uint32_t word : {words.ebx, words.edx, words.ecx}) {
        add_characters(text, word);
    }
}

}  // namespace

bool has(Feature feature) {
    switch (feature) {
        case Feature::nothing:
            return true;
        case Feature::fsgsbase:
            return has("FSGSBASE");
        case Feature::smep:
            return has("SMEP");
        case Feature::smap:
            return has("SMAP");
        case Feature::umip:
            return has("UMIP");
        case Feature::invpcid:
            return has("INVPCID");
        case Feature::rdtscp:
            return has("RDTSCP");
        case Feature::xsave:
            return has("XSAVE");
    }
    return false;
}

void print_processor() {
    Text model;
    model.add("processor | ");
    add_vendor(model, cpuid(0));
    model.add(" ");
    add_brand(model);
    add_model(model);
    print_line(model.view());

    Text present;
    Text missing;
    present.add("present |");
    missing.add("missing |");
    for (const FeatureBit &feature : feature_bits) {
        (is_set(feature) ? present : missing).add(" ").add(feature.name);
    }
    print_line(present.view());
    print_line(missing.view());

    if (has("hypervisor")) {
        const CpuidResult below = cpuid(0x4000'0000);
        Text text;
        text.add("hypervisor below | ");
        add_vendor(text, {.eax = 0, .ebx = below.ebx, .ecx = below.edx, .edx = below.ecx});
        print_line(text.view());
    }
}

}  // namespace hwprobe
