// SPDX-License-Identifier: Apache-2.0
//
// What `hvctl run` is made of: archives, frames on a console, and guests that go with their client.
#include "dom0-tools/library/cpio_archive.hpp"
#include "dom0-tools/library/run_protocol.hpp"
#include "dom0-tools/tests/supervisor_world.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <map>

namespace ringfold::tools {
namespace {

struct Unpacked {
    unsigned mode;
    std::string content;
    bool operator==(const Unpacked &) const = default;
};

// By name; the mode of what is there.
std::map<std::string, Unpacked> unpack(std::string_view archive) {
    std::map<std::string, Unpacked> found;
    const auto field = [&archive](std::size_t index) {
        return static_cast<std::size_t>(std::stoul(std::string(archive.substr(6 + 8 * index, 8)), nullptr, 16));
    };
    const auto skip = [&archive](std::size_t length) { archive.remove_prefix((length + 3) / 4 * 4); };
    while (archive.size() >= 110 && archive.starts_with("070701")) {
        const std::size_t mode = field(1);
        const std::size_t size = field(6);
        const std::size_t name_size = field(11);
        const std::string name(archive.substr(110, name_size - 1));
        skip(110 + name_size);
        found[name] = {static_cast<unsigned>(mode), std::string(archive.substr(0, size))};
        skip(size);
    }
    EXPECT_TRUE(archive.empty());
    return found;
}

class Archive : public testing::Test {
  protected:
    CpioArchive archive{[this](std::string_view bytes) {
        written += bytes;
        return Outcome<void>{};
    }};
    std::string written;
    TemporaryDirectory directory;
};

TEST_F(Archive, HoldsFilesAndFolders) {
    ASSERT_TRUE(archive.add_directory("a", 0755).ok());
    ASSERT_TRUE(archive.add_file("a/file", 0640, "seven b").ok());
    ASSERT_TRUE(archive.finish().ok());
    EXPECT_EQ(archive.size(), written.size());
    const std::map<std::string, Unpacked> expected{
        {"a", {S_IFDIR | 0755, ""}}, {"a/file", {S_IFREG | 0640, "seven b"}}, {"TRAILER!!!", {0, ""}}};
    EXPECT_EQ(unpack(written), expected);
}

TEST_F(Archive, TakesATreeButNotWhatIsLeftOut) {
    const std::filesystem::path root = directory.path() / "root";
    for (const char *folder : {"bin", "proc/1", "var/log/old", "var/lib"}) {
        std::filesystem::create_directories(root / folder);
    }
    std::ofstream(root / "bin/program") << "code";
    std::ofstream(root / "bin/empty");
    std::ofstream(root / "proc/1/status") << "no file";
    std::ofstream(root / "var/log/old/text") << "much";
    chmod((root / "bin/program").c_str(), 0751);
    std::filesystem::create_symlink("bin", root / "sbin");
    ASSERT_EQ(mkfifo((root / "fifo").c_str(), 0600), 0);
    ASSERT_TRUE(archive.add_tree(root, {"proc", "var/log"}).ok());
    const auto found = unpack(written);
    EXPECT_EQ(found.at("bin/program"), (Unpacked{S_IFREG | 0751, "code"}));
    EXPECT_EQ(found.at("bin/empty").content, "");
    EXPECT_EQ(found.at("sbin"), (Unpacked{S_IFLNK | 0777, "bin"}));
    EXPECT_EQ(found.at("fifo").mode, unsigned{S_IFIFO | 0600});
    EXPECT_TRUE(S_ISDIR(found.at("proc").mode) && S_ISDIR(found.at("var/log").mode));
    EXPECT_TRUE(found.contains("var/lib"));
    EXPECT_FALSE(found.contains("proc/1") || found.contains("var/log/old"));
}

TEST_F(Archive, AFailureOfItsSinkEndsIt) {
    CpioArchive broken([](std::string_view) { return Failure{Kind::failed, "the disk is full"}; });
    EXPECT_EQ(broken.add_directory("a", 0755).error().text, "the disk is full");
    EXPECT_EQ(archive.add_tree(directory.path() / "missing", {}).error().kind, Kind::failed);
}

const std::string token = "0123abcd";

std::vector<RunFrame> feed(RunReader &reader, std::string_view text, std::size_t step) {
    std::vector<RunFrame> frames;
    for (; !text.empty(); text.remove_prefix(std::min(step, text.size()))) {
        reader.feed(text.substr(0, step));
        while (auto frame = reader.next()) {
            frames.push_back(std::move(*frame));
        }
    }
    return frames;
}

TEST(RunReaderTest, FindsFramesBetweenOtherTextInPiecesOfEverySize) {
    const std::string binary("\0\x1e\n\xff two\n", 9);
    const std::string console = "boot\n" + run_frame(token, RunFrameKind::output, binary) + "\x1enoise " +
                                run_frame(token, RunFrameKind::error, "wrong") +
                                run_frame(token, RunFrameKind::exit, 42U) + "after";
    for (std::size_t step = 1; step <= console.size(); ++step) {
        RunReader reader(token);
        const std::vector<RunFrame> frames = feed(reader, console, step);
        ASSERT_EQ(frames.size(), 3U) << step;
        EXPECT_EQ(frames[0].kind, RunFrameKind::output);
        EXPECT_EQ(frames[0].bytes, binary);
        EXPECT_EQ(frames[1].kind, RunFrameKind::error);
        EXPECT_EQ(frames[1].bytes, "wrong");
        EXPECT_EQ(frames[2].kind, RunFrameKind::exit);
        EXPECT_EQ(frames[2].number, 42U);
        EXPECT_EQ(reader.other_text(), "boot\n\x1enoise after") << step;
    }
}

TEST(RunReaderTest, WhatOnlyLooksLikeAFrameIsOtherText) {
    for (const std::string text : {"0123abce 1 4\nfour", "0123abcd 3 4\nfour", "0123abcd 1 4097\n", "0123abcd x 256\n",
                                   "0123abcd 0 3073\n", "0123abcd w 1537\n", "0123abcd a 1\n", "0123abcd 1 -1\n",
                                   "0123abcd 1 99999999999999999999999\n", "0123abcd \n"}) {
        RunReader reader(token);
        EXPECT_TRUE(feed(reader, run_frame_mark + text + run_frame(token, RunFrameKind::exit, 0U), 3).size() == 1)
            << text;
    }
}

TEST(RunReaderTest, FindsWhatEachEndTellsTheOther) {
    const std::string input("\x1e\0\n\r\4", 5);
    const std::string text =
        run_frame(token, RunFrameKind::wanted, run_input_bytes) + run_frame(token, RunFrameKind::input, input) +
        run_frame(token, RunFrameKind::acknowledgement, 0U) + run_frame(token, RunFrameKind::input, "");
    for (std::size_t step = 1; step <= text.size(); ++step) {
        RunReader reader(token);
        const std::vector<RunFrame> frames = feed(reader, text, step);
        ASSERT_EQ(frames.size(), 4U) << step;
        EXPECT_EQ(frames[0].kind, RunFrameKind::wanted);
        EXPECT_EQ(frames[0].number, run_input_bytes);
        EXPECT_EQ(frames[1].kind, RunFrameKind::input);
        EXPECT_EQ(frames[1].bytes, input);
        EXPECT_EQ(frames[2].kind, RunFrameKind::acknowledgement);
        EXPECT_EQ(frames[3].kind, RunFrameKind::input);
        EXPECT_EQ(frames[3].bytes, "");
        EXPECT_EQ(reader.other_text(), "") << step;
    }
}

TEST(RunInput, IsEscapedSoThatNoByteIsASystemRequest) {
    std::string all;
    for (int first = 0; first < 256; ++first) {
        for (const char second : {'\x0f', '\x10', 'O', 'a', '\0'}) {
            all += {static_cast<char>(first), second};
        }
    }
    const std::string escaped = escape_input(all);
    EXPECT_EQ(escaped.find('\x0f'), std::string::npos);
    EXPECT_EQ(unescape_input(escaped), all);
    const std::string worst(run_input_bytes, '\x0f');
    EXPECT_LE(run_frame(token, RunFrameKind::input, escape_input(worst)).size() + 64, 4095U);
    RunReader reader(token);
    const std::vector<RunFrame> frames = feed(reader, run_frame(token, RunFrameKind::input, escape_input(worst)), 100);
    ASSERT_EQ(frames.size(), 1U);
    EXPECT_EQ(unescape_input(frames[0].bytes), worst);
}

TEST(RunReaderTest, KeepsOnlyTheLastOfOtherText) {
    RunReader reader(token);
    EXPECT_TRUE(feed(reader, std::string(100'000, 'a') + "end", 1000).empty());
    EXPECT_LE(reader.other_text().size(), 16384U);
    EXPECT_TRUE(reader.other_text().ends_with("aend"));
}

TEST(RunCommandText, ComesBackAsItWas) {
    const RunCommand command{.token = token,
                             .directory = "/some where",
                             .has_input = true,
                             .environment = {"A=b c", "EMPTY="},
                             .words = {"sh", "-c", "a\nb", ""}};
    const std::string text = to_text(command);
    const RunCommand back = run_command_from(text).take();
    EXPECT_EQ(back.token, command.token);
    EXPECT_EQ(back.directory, command.directory);
    EXPECT_TRUE(back.has_input);
    EXPECT_EQ(back.environment, command.environment);
    EXPECT_EQ(back.words, command.words);
    for (std::size_t length = 0; length < text.size(); ++length) {
        EXPECT_FALSE(run_command_from(text.substr(0, length)).ok()) << length;
    }
    EXPECT_FALSE(run_command_from(to_text({token, "/", false, {}, {}})).ok());
}

class ThrowAway : public SupervisorWorld {
  protected:
    std::string create_one() {
        const auto made = ask("create", {{"config", to_json(config("brief"))}, {"throw_away", true}});
        EXPECT_TRUE(made.ok());
        return made.ok() ? made.value().at("key").get<std::string>() : "";
    }
    bool has_logs(const std::string &key) { return std::filesystem::exists(directory.path() / "log" / key); }
    bool is_there() { return supervisor->find("brief").ok(); }
};

TEST_F(ThrowAway, NothingStaysOfItWhenItsClientGoes) {
    const std::string key = create_one();
    ASSERT_TRUE(is_there() && has_logs(key));
    supervisor->throw_away(key);
    EXPECT_FALSE(is_there() || has_logs(key));
    supervisor->throw_away(key);  // it may have ended by itself before
}

TEST_F(ThrowAway, IsNotStartedAgain) {
    DomainConfig restarting = config("brief");
    restarting.on_crash = EndAction::restart;
    const auto made = ask("create", {{"config", to_json(restarting)}, {"throw_away", true}});
    ASSERT_TRUE(made.ok());
    fake.end(id_of("brief"), RINGFOLD_SHUTDOWN_CRASH);
    deliver();
    EXPECT_FALSE(is_there());
    EXPECT_EQ(fake.domains.size(), 1U);
}

TEST_F(ThrowAway, DoesNotOutliveHvd) {
    const std::string key = create_one();
    ASSERT_TRUE(create(config("lasting")).ok());
    kill();
    start();
    EXPECT_FALSE(is_there() || has_logs(key));
    EXPECT_TRUE(supervisor->find("lasting").ok());
}

}  // namespace
}  // namespace ringfold::tools
