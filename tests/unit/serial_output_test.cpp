// SPDX-License-Identifier: Apache-2.0
//
// Output to a port that takes so many characters at a time, and then none until the wire has carried them away.
#include "hypervisor/domain/console_line.hpp"
#include "hypervisor/platform/output_pump.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

namespace ringfold {
namespace {

constexpr uint64_t ticks_to_send = 10;  // a character to the port

// A 16550, as seen from outside; `depth` 0: it takes nothing any more.
struct FakeUart {
    unsigned depth = 16;
    bool instant = false;  // as an emulated one: what is sent is gone
    unsigned held = 0;
    bool interrupts = false;
    uint64_t now = 1000;
    std::string wire;
    unsigned waits = 0;

    void carry_away() { held = 0; }
    [[nodiscard]] bool ready() const { return depth > 0 && held == 0; }
};

struct FakePort {
    FakeUart *uart = nullptr;

    [[nodiscard]] bool can_send() const { return uart->ready(); }
    [[nodiscard]] unsigned burst() const { return uart->depth; }
    void send(char c) const {
        ASSERT_LT(uart->held, uart->depth) << "sent to a port that is full";
        uart->wire += c;
        uart->held += uart->instant ? 0 : 1;
        uart->now += ticks_to_send;
    }
    [[nodiscard]] bool wait() const {
        ++uart->waits;
        uart->carry_away();
        return uart->depth > 0;
    }
    void interrupt_when_ready(bool wanted) const { uart->interrupts = wanted; }
    [[nodiscard]] uint64_t ticks() const { return uart->now; }
};

class OutputPumpTest : public testing::Test {
  protected:
    static constexpr std::size_t capacity = 256;
    static constexpr OutputTimes times{.budget = 100 * ticks_to_send, .retry = 100'000, .patience = 1'000'000};

    // Interrupts, as long as the port raises them.
    void let_interrupts_come() {
        for (uart.carry_away(); uart.interrupts && uart.ready(); uart.carry_away()) {
            pump.handle_interrupt();
        }
    }

    FakeUart uart;
    OutputPump<FakePort, capacity> pump{FakePort{&uart}};
};

TEST_F(OutputPumpTest, WaitsAtFirst) {
    EXPECT_TRUE(pump.write("twenty characters ..", LineOf::hypervisor));
    EXPECT_EQ(uart.wire, "twenty characters ..\r\n");
    EXPECT_EQ(uart.waits, 2u);
    EXPECT_TRUE(pump.write("more", LineOf::domain));
    EXPECT_EQ(uart.wire, "twenty characters ..\r\nmore\r\n");
    EXPECT_FALSE(uart.interrupts);
}

TEST_F(OutputPumpTest, SendsWhatThePortTakesAndTheRestByInterrupts) {
    pump.queue_from_now_on(times);
    EXPECT_TRUE(pump.write("twenty characters ..", LineOf::hypervisor));
    EXPECT_EQ(uart.wire, "twenty character");
    EXPECT_TRUE(uart.interrupts);
    uart.carry_away();
    EXPECT_TRUE(pump.write("second", LineOf::domain));  // behind what waits, and not by this call
    EXPECT_EQ(uart.wire, "twenty character");
    pump.handle_interrupt();
    EXPECT_EQ(uart.wire, "twenty characters ..\r\nsecond\r\n");
    EXPECT_FALSE(uart.interrupts);
    EXPECT_TRUE(pump.empty());
    EXPECT_EQ(uart.waits, 0u);
}

TEST_F(OutputPumpTest, GetsOnWithAPortThatTakesOneAtATime) {
    uart.depth = 1;
    pump.queue_from_now_on(times);
    EXPECT_TRUE(pump.write("one by one", LineOf::hypervisor));
    EXPECT_EQ(uart.wire, "o");
    let_interrupts_come();
    EXPECT_EQ(uart.wire, "one by one\r\n");
    EXPECT_FALSE(uart.interrupts);
}

TEST_F(OutputPumpTest, KeepsToItsBudgetWhenThePortTakesEverything) {
    uart.instant = true;
    pump.queue_from_now_on(times);
    const std::string line(150, 'x');
    EXPECT_TRUE(pump.write(line, LineOf::hypervisor));
    EXPECT_EQ(uart.wire.size(), 100u);
    EXPECT_TRUE(uart.interrupts);
    pump.handle_interrupt();
    EXPECT_EQ(uart.wire, line + "\r\n");
    EXPECT_FALSE(uart.interrupts);
}

TEST_F(OutputPumpTest, RefusesADomainWhatFindsNoRoom) {
    uart.depth = 0;
    pump.queue_from_now_on(times);
    std::string expected;
    const std::string line(30, 'd');
    while (pump.write(line, LineOf::domain)) {
        expected += line + "\r\n";
    }
    EXPECT_EQ(expected.size(), 6 * 32u);  // of 256: a quarter is kept
    EXPECT_TRUE(pump.write("the hypervisor's", LineOf::hypervisor));
    expected += "the hypervisor's\r\n";
    EXPECT_FALSE(pump.write("", LineOf::domain));
    EXPECT_EQ(pump.lost(), 0u);
    uart.depth = 16;
    let_interrupts_come();
    EXPECT_TRUE(pump.write(line, LineOf::domain));
    let_interrupts_come();
    EXPECT_EQ(uart.wire, expected + line + "\r\n");
}

TEST_F(OutputPumpTest, CountsWhatTheHypervisorLosesAndSaysSo) {
    uart.depth = 0;
    pump.queue_from_now_on(times);
    const std::string line(98, 'h');
    std::string expected;
    for (int i = 0; i < 2; ++i) {
        EXPECT_TRUE(pump.write(line, LineOf::hypervisor));
        expected += line + "\r\n";
    }
    EXPECT_TRUE(pump.write(line, LineOf::hypervisor));
    EXPECT_TRUE(pump.write(line, LineOf::hypervisor));
    EXPECT_EQ(pump.lost(), 200u);
    uart.depth = 16;
    let_interrupts_come();
    EXPECT_TRUE(pump.write("after", LineOf::hypervisor));
    let_interrupts_come();
    EXPECT_EQ(uart.wire, expected + "... 200 bytes of output lost\r\nafter\r\n");
    EXPECT_EQ(pump.lost(), 0u);
}

TEST_F(OutputPumpTest, LooksAgainWhereAnInterruptWasLost) {
    pump.queue_from_now_on(times);
    EXPECT_TRUE(pump.write("twenty characters ..", LineOf::hypervisor));
    uart.carry_away();
    uart.now += times.retry;
    EXPECT_TRUE(pump.write("more", LineOf::hypervisor));
    EXPECT_EQ(uart.wire, "twenty characters ..\r\n");
    uart.carry_away();
    pump.handle_interrupt();
    EXPECT_EQ(uart.wire, "twenty characters ..\r\nmore\r\n");
}

TEST_F(OutputPumpTest, HoldsNobodyUpForADeadPort) {
    uart.depth = 0;
    pump.queue_from_now_on(times);
    const std::string line(30, 'd');
    while (pump.write(line, LineOf::domain)) {
    }
    uart.now += times.patience;
    EXPECT_FALSE(pump.write(line, LineOf::domain));
    uart.now += 1;
    EXPECT_TRUE(pump.write(line, LineOf::domain));
    EXPECT_TRUE(pump.empty());
    EXPECT_EQ(pump.lost(), 7 * 32u);
    uart.depth = 16;
    EXPECT_TRUE(pump.write("alive", LineOf::domain));
    let_interrupts_come();
    EXPECT_EQ(uart.wire, "... 224 bytes of output lost\r\nalive\r\n");
}

TEST_F(OutputPumpTest, SendsEverythingInTheEnd) {
    pump.queue_from_now_on(times);
    const std::string line(70, 'q');
    EXPECT_TRUE(pump.write(line, LineOf::domain));
    EXPECT_TRUE(pump.write("last", LineOf::hypervisor));
    pump.finish();
    EXPECT_EQ(uart.wire, line + "\r\nlast\r\n");
    EXPECT_TRUE(pump.write("RINGFOLD PANIC", LineOf::hypervisor));
    EXPECT_EQ(uart.wire, line + "\r\nlast\r\nRINGFOLD PANIC\r\n");
}

TEST_F(OutputPumpTest, EndsWithADeadPort) {
    pump.queue_from_now_on(times);
    EXPECT_TRUE(pump.write("twenty characters ..", LineOf::domain));
    uart.depth = 0;
    pump.finish();
    EXPECT_TRUE(pump.empty());
    const unsigned waits = uart.waits;
    EXPECT_TRUE(pump.write("lost, and not waited for", LineOf::hypervisor));
    EXPECT_EQ(uart.waits, waits);
    uart.depth = 16;
    uart.carry_away();
    EXPECT_TRUE(pump.write("alive", LineOf::hypervisor));
    EXPECT_EQ(uart.wire, "twenty characteralive\r\n");
}

TEST_F(OutputPumpTest, PassesRawBytesOnAsTheyAre) {
    EXPECT_EQ(pump.write_raw("\x1b[1m/ # "), 8u);
    EXPECT_EQ(uart.wire, "\x1b[1m/ # ");
    EXPECT_TRUE(pump.write("the hypervisor's", LineOf::hypervisor));
    EXPECT_EQ(pump.write_raw("ls\r\n"), 4u);
    EXPECT_TRUE(pump.write("another", LineOf::hypervisor));
    EXPECT_EQ(uart.wire, "\x1b[1m/ # \r\nthe hypervisor's\r\nls\r\nanother\r\n");
}

TEST_F(OutputPumpTest, TakesTheRawBytesThatFindRoom) {
    pump.queue_from_now_on(times);
    const std::string bytes(300, 'r');
    const std::size_t taken = pump.write_raw(bytes);
    EXPECT_EQ(taken, capacity - capacity / 4);
    EXPECT_EQ(pump.write_raw("x"), 1u);  // the port took a burst of the first ones
    std::size_t more = 1;
    while (more > 0) {
        more = pump.write_raw("y");
    }
    EXPECT_TRUE(pump.write("a line finds room", LineOf::hypervisor));
    let_interrupts_come();
    EXPECT_EQ(uart.wire, bytes.substr(0, taken) + "x" + std::string(15, 'y') + "\r\na line finds room\r\n");
    EXPECT_EQ(pump.lost(), 0u);
}

TEST_F(OutputPumpTest, HoldsNoRawWriterUpForADeadPort) {
    pump.queue_from_now_on(times);
    uart.depth = 0;
    const std::string bytes(300, 'r');
    const std::size_t taken = pump.write_raw(bytes);
    EXPECT_EQ(pump.write_raw("x"), 0u);
    uart.now += times.patience + 1;
    EXPECT_EQ(pump.write_raw("x"), 1u);
    EXPECT_EQ(pump.lost(), taken + 1);
}

TEST_F(OutputPumpTest, WrapsManyTimesInOrder) {
    pump.queue_from_now_on(times);
    std::string expected;
    for (unsigned round = 0; round < 1000; ++round) {
        const std::string line = "line " + std::to_string(round);
        if (round % 7 == 0) {
            let_interrupts_come();
        }
        if (pump.write(line, LineOf::domain)) {
            expected += line + "\r\n";
        }
    }
    pump.finish();
    EXPECT_EQ(uart.wire, expected);
}

class ConsoleLineTest : public testing::Test {
  protected:
    bool put(std::string_view text) {
        for (const char c : text) {
            if (!line.put(c, emit)) {
                return false;
            }
        }
        return true;
    }

    bool room = true;
    std::vector<std::string> lines;
    std::function<bool(std::string_view)> emit = [this](std::string_view text) {
        if (room) {
            lines.emplace_back(text);
        }
        return room;
    };
    ConsoleLine line;
};

TEST_F(ConsoleLineTest, EscapesAndBreaks) {
    EXPECT_TRUE(put("a\tb\x1b[1m\r\n\n"));
    EXPECT_TRUE(put(std::string(ConsoleLine::capacity + 1, 'x')));
    EXPECT_TRUE(line.flush(emit));
    EXPECT_EQ(lines, (std::vector<std::string>{"a\tb\\x1b[1m", "", std::string(ConsoleLine::capacity, 'x'), "x"}));
    EXPECT_TRUE(line.empty());
}

TEST_F(ConsoleLineTest, KeepsWhatWasRefused) {
    room = false;
    EXPECT_TRUE(put("abc"));
    EXPECT_FALSE(put("\n"));
    EXPECT_FALSE(line.flush(emit));
    room = true;
    EXPECT_TRUE(put("\n"));
    EXPECT_EQ(lines, std::vector<std::string>{"abc"});
    room = false;
    EXPECT_TRUE(put(std::string(ConsoleLine::capacity - 2, 'y')));
    EXPECT_FALSE(put("\x01"));  // four characters, all or none
    room = true;
    EXPECT_TRUE(put("\x01\n"));
    EXPECT_EQ(lines.back(), "\\x01");
}

}  // namespace
}  // namespace ringfold
