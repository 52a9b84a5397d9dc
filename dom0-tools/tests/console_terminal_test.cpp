// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/hvd/console_terminal.hpp"

#include "dom0-tools/library/descriptor.hpp"
#include "dom0-tools/tests/supervisor_world.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace ringfold::tools {

namespace {

class ConsoleTerminalTest : public SupervisorWorld {
  protected:
    ConsoleTerminalTest() {
        terminals.start();
        EXPECT_TRUE(create(config()).ok());
        turn();
    }

    // What the event loop does, until there is nothing to do.
    void turn() {
        deliver();
        terminals.look_again();
        io.restart();
        while (io.poll() > 0) {
        }
    }

    [[nodiscard]] std::filesystem::path link(const std::string &name) const {
        return directory.path() / "run/consoles" / name;
    }
    [[nodiscard]] Descriptor open(const std::string &name) const {
        return Descriptor(::open(link(name).c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK));
    }
    // Until `end` comes, or nothing more.
    std::string read_until(const Descriptor &terminal, const std::string &end) {
        std::string text;
        for (unsigned empty = 0; empty < 100 && !text.ends_with(end);) {
            turn();
            char part[1000];
            const ssize_t length = ::read(terminal.number(), part, sizeof part);
            if (length > 0) {
                text.append(part, static_cast<std::size_t>(length));
            } else {  // the kernel passes on what was written a moment later
                ++empty;
                ::usleep(1000);
            }
        }
        return text;
    }

    asio::io_context io{1};
    ConsoleTerminals terminals{io, *supervisor};
};

TEST_F(ConsoleTerminalTest, WhoOpensItSeesAllAndTypes) {
    fake.write_console(id_of("web"), "one\n");
    turn();
    const Descriptor terminal = open("web");
    ASSERT_TRUE(terminal.is_open());
    EXPECT_EQ(read_until(terminal, "one\n"), "one\n");
    fake.write_console(id_of("web"), "two\r\n");
    EXPECT_EQ(read_until(terminal, "two\r\n"), "two\r\n");  // as it is
    ASSERT_EQ(::write(terminal.number(), "ls\r\x03", 4), 4);
    for (unsigned tries = 0; tries < 1000 && fake.domains.at(id_of("web")).input.size() < 4; ++tries) {
        turn();
        ::usleep(1000);
    }
    EXPECT_EQ(fake.domains.at(id_of("web")).input, "ls\r\x03");
}

TEST_F(ConsoleTerminalTest, WhoComesLaterSeesAllAgain) {
    fake.write_console(id_of("web"), "one\n");
    turn();
    EXPECT_EQ(read_until(open("web"), "one\n"), "one\n");
    turn();
    fake.write_console(id_of("web"), "two\n");
    turn();
    EXPECT_EQ(read_until(open("web"), "two\n"), "one\ntwo\n");
    // Not read before it is closed.
    {
        const Descriptor nobody = open("web");
        turn();
    }
    turn();
    EXPECT_EQ(read_until(open("web"), "two\n"), "one\ntwo\n");
}

TEST_F(ConsoleTerminalTest, MuchWaitsForWhoReadsSlowly) {
    const Descriptor terminal = open("web");
    std::string all;
    for (unsigned line = 0; line < 3000; ++line) {
        const std::string text = "line " + std::to_string(line) + " of many\n";
        all += text;
        fake.write_console(id_of("web"), text);
        if (line % 100 == 0) {
            turn();
        }
    }
    fake.write_console(id_of("web"), "end\n");
    EXPECT_EQ(read_until(terminal, "end\n"), all + "end\n");
}

TEST_F(ConsoleTerminalTest, TheLinkFollowsTheNameAndGoesWithTheGuest) {
    const Descriptor terminal = open("web");
    EXPECT_EQ(ask("describe", {{"domain", "web"}}).take()["terminal"],
              std::filesystem::read_symlink(link("web")).string());
    ASSERT_TRUE(ask("rename", {{"domain", "web"}, {"to", "shop"}}).ok());
    turn();
    EXPECT_FALSE(std::filesystem::exists(std::filesystem::symlink_status(link("web"))));
    EXPECT_TRUE(open("shop").is_open());
    ASSERT_TRUE(ask("destroy", {{"domain", "shop"}}).ok());
    turn();
    EXPECT_FALSE(std::filesystem::exists(std::filesystem::symlink_status(link("shop"))));
    char byte = 0;
    EXPECT_EQ(::read(terminal.number(), &byte, 1), 0);  // it was hung up
}

TEST_F(ConsoleTerminalTest, WithoutThemHvdGoesOn) {
    std::ofstream(directory.path() / "run/blocked") << "no folder";
    Environment other = environment();
    other.run_directory = directory.path() / "run/blocked";
    Supervisor blocked(fake, other);
    ConsoleTerminals none(io, blocked);
    none.start();
    none.look_again();
    EXPECT_EQ(ask("describe", {{"domain", "web"}}).take()["terminal"].get<std::string>().substr(0, 9), "/dev/pts/");
}

TEST_F(ConsoleTerminalTest, AThrowAwayGuestHasNone) {
    ASSERT_TRUE(ask("create", {{"config", to_json(config("run"))}, {"throw_away", true}}).ok());
    turn();
    EXPECT_FALSE(open("run").is_open());
    EXPECT_EQ(ask("describe", {{"domain", "run"}}).take()["terminal"], "");
}

}  // namespace

}  // namespace ringfold::tools
