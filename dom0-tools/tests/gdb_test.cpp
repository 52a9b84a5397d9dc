// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/gdb_packet.hpp"
#include "dom0-tools/library/gdb_stub.hpp"
#include "dom0-tools/library/guest_builder.hpp"
#include "dom0-tools/tests/fake_hypervisor.hpp"
#include "dom0-tools/tests/kernel_file.hpp"

#include <fmt/core.h>
#include <gtest/gtest.h>

namespace ringfold::tools {
namespace {

TEST(GdbPacket, IsFramedAndEscaped) {
    EXPECT_EQ(gdb_packet("OK"), "$OK#9a");
    EXPECT_EQ(gdb_packet(""), "$#00");
    EXPECT_EQ(gdb_packet("}#"), "$}]}\x03#5a");
    EXPECT_EQ(hex_little_endian(0x1234, 4), "34120000");
    EXPECT_EQ(parse_hex_bytes("4142").value(), "AB");
    EXPECT_FALSE(parse_hex_bytes("414"));
    EXPECT_FALSE(parse_hex_bytes("4x"));
}

TEST(GdbReader, FindsPacketsHoweverTheyCome) {
    GdbReader reader;
    reader.feed("+$qC#");
    EXPECT_FALSE(reader.next());
    reader.feed("b4+\x03$OK#9b$}]#da");
    EXPECT_EQ(reader.next()->content, "qC");
    EXPECT_EQ(reader.next()->input, GdbInput::interrupt);
    EXPECT_EQ(reader.next()->input, GdbInput::damaged);
    EXPECT_EQ(reader.next()->content, "}");
    EXPECT_FALSE(reader.next());
    reader.feed("$" + std::string(GdbReader::longest, 'a'));
    EXPECT_TRUE(reader.is_hopeless());
}

class Gdb : public testing::Test {
  protected:
    Gdb() {
        plan.name = "guest";
        plan.memory = plan.maximum = FrameCount{3000};
        plan.kernel = &kernel;
        built = build_guest(hypervisor, plan).take();
        EXPECT_TRUE(start_guest(hypervisor, built).ok());
        stub.emplace(hypervisor, built.id);
        const auto attached = stub->attach();
        EXPECT_TRUE(attached.ok()) << attached.error().text;
    }

    FakeDomain &domain() { return fake.domains.at(built.id.raw()); }
    ringfold_vcpu_registers &registers(uint32_t vcpu = 0) { return domain().registers.at(vcpu); }

    // What the stub sends, without acknowledgements and frames.
    std::string output() {
        GdbReader reader;
        reader.feed(stub->take_output());
        std::string all;
        while (const auto event = reader.next()) {
            all += event->content;
        }
        return all;
    }
    std::string ask(const std::string &content) {
        stub->receive(gdb_packet(content));
        return output();
    }
    // A vCPU comes to a debug exception.
    std::string stop_at(uint32_t status, uint32_t vcpu = 0) {
        registers(vcpu).debug_status = status;
        ++domain().info.pauses;
        stub->look();
        return output();
    }

    FakeHypervisor fake;
    Hypervisor hypervisor{fake};
    std::string file = make_kernel();
    KernelImage kernel = KernelImage::parse(as_bytes(file)).take();
    GuestPlan plan;
    BuiltGuest built;
    std::optional<GdbStub> stub;
};

TEST_F(Gdb, StopsTheGuestAndTellsItsRegisters) {
    EXPECT_EQ(domain().debug, RINGFOLD_DEBUG_STOPS);
    EXPECT_EQ(domain().info.pauses, 1U);
    EXPECT_EQ(ask("?"), "T02thread:1;");
    EXPECT_EQ(ask("c"), "");
    registers().rax = 0x0123'4567'89ab'cdef;
    EXPECT_EQ(stop_at(1U << 14), "T05thread:1;");
    const std::string all = ask("g");
    EXPECT_EQ(all.substr(0, 16), "efcdab8967452301");
    EXPECT_EQ(all.substr(16 * 16, 16), hex_little_endian(domain().context.rip, 8));
    EXPECT_EQ(all.size(), 2U * (17 * 8 + 7 * 4 + 8 * 10 + 8 * 4 + 2 * 8));
    EXPECT_EQ(ask("G" + hex_little_endian(7, 8) + all.substr(16)), "OK");
    EXPECT_EQ(registers().rax, 7U);
    EXPECT_EQ(registers().rip, domain().context.rip);
}

TEST_F(Gdb, DescribesWhatItHas) {
    EXPECT_NE(ask("qSupported:multiprocess+").find("qXfer:features:read+"), std::string::npos);
    const std::string first = ask("qXfer:features:read:target.xml:0,100");
    EXPECT_EQ(first.substr(0, 6), "m<?xml");
    EXPECT_EQ(first.size(), 0x101U);
    EXPECT_EQ(ask("qXfer:features:read:target.xml:ffff,100"), "l");
    EXPECT_EQ(ask("qXfer:features:read:target.xml:zz"), "E16");
    EXPECT_EQ(ask("qfThreadInfo"), "m1");
    EXPECT_EQ(ask("qsThreadInfo"), "l");
    EXPECT_EQ(ask("T1"), "OK");
    EXPECT_EQ(ask("T2"), "E16");
    EXPECT_EQ(ask("Hg1"), "OK");
    EXPECT_EQ(ask("Hc-1"), "OK");
    EXPECT_EQ(ask("Hg9"), "E16");
    EXPECT_EQ(ask("vMustReplyEmpty"), "");
    EXPECT_EQ(ask(""), "");
}

TEST_F(Gdb, ReadsAndWritesMemoryAtLinearAddresses) {
    const uint64_t text = kernel_base + 0x10'0000;
    const std::string read = ask(fmt::format("m{:x},{:x}", text, kernel_text.size()));
    EXPECT_EQ(parse_hex_bytes(read).value(), kernel_text);
    EXPECT_EQ(ask(fmt::format("M{:x},3:414243", text + 4)), "OK");
    EXPECT_EQ(fake.read_linear(built.id.raw(), text, 8), "textABC ");
    EXPECT_EQ(ask("m1000,10"), "E0e");
    EXPECT_EQ(ask("M1000,1:41"), "E0e");
    EXPECT_EQ(ask(fmt::format("M{:x},2:41", text)), "E16");
    EXPECT_EQ(ask("mzz"), "E16");
}

TEST_F(Gdb, BreakpointsTakeDebugRegisters) {
    registers().rip = 0x1000;
    EXPECT_EQ(ask("Z0,1000,1"), "OK");
    EXPECT_EQ(ask("Z2,2000,8"), "OK");
    EXPECT_EQ(ask("Z4,3000,4"), "OK");
    EXPECT_EQ(ask("Z1,4000,1"), "OK");
    EXPECT_EQ(ask("Z1,5000,1"), "E1c");
    EXPECT_EQ(ask("Z3,5000,1"), "");
    EXPECT_EQ(ask("z1,4000,1"), "OK");
    EXPECT_EQ(ask("Z2,2001,4"), "E1c");
    EXPECT_EQ(ask("c"), "");
    EXPECT_EQ(domain().info.pauses, 0U);
    EXPECT_EQ(registers().debug_addresses[0], 0x1000U);
    EXPECT_EQ(registers().debug_addresses[1], 0x2000U);
    EXPECT_EQ(registers().debug_addresses[2], 0x3000U);
    EXPECT_EQ(registers().debug_control, 0x400U | 0b010101U | 0b1001U << 20 | 0b1111U << 24);
    EXPECT_EQ(stop_at(0b010), "T05thread:1;watch:2000;");
    EXPECT_EQ(domain().info.pauses, 2U);  // the stub's own, and that of the vCPU
    EXPECT_EQ(ask("c"), "");
    EXPECT_EQ(domain().info.pauses, 0U);
    EXPECT_EQ(stop_at(0b001), "T05thread:1;hwbreak:;");
}

TEST_F(Gdb, ABreakpointThatWasToldIsPassed) {
    EXPECT_EQ(ask(fmt::format("Z1,{:x},1", domain().context.rip)), "OK");
    EXPECT_EQ(ask("vCont;s:1;c"), "");
    EXPECT_EQ(registers().rflags, 0x202U | 1U << 8 | 1U << 16);
    EXPECT_EQ(stop_at(1U << 14), "T05thread:1;");
    EXPECT_EQ(ask("vCont;c"), "");
    EXPECT_EQ(registers().rflags & 1U << 8, 0U);
}

TEST_F(Gdb, StopsWhenItIsInterruptedAndNotWhenOthersPause) {
    EXPECT_EQ(ask("c"), "");
    ++domain().info.pauses;
    stub->look();
    EXPECT_EQ(output(), "");
    EXPECT_EQ(domain().info.pauses, 1U);
    EXPECT_EQ(ask("g"), "E10");
    stub->receive("\x03");
    EXPECT_EQ(output(), "T02thread:1;");
    EXPECT_EQ(domain().info.pauses, 2U);
}

TEST_F(Gdb, TellsHowTheGuestEnded) {
    EXPECT_EQ(ask("c"), "");
    fake.end(built.id.raw(), RINGFOLD_SHUTDOWN_CRASH);
    stub->look();
    EXPECT_EQ(output(), "X06");
    EXPECT_TRUE(stub->is_over());
}

TEST_F(Gdb, LeavesTheGuestAsItWas) {
    EXPECT_EQ(ask("Z1,4000,1"), "OK");
    EXPECT_EQ(ask("s"), "");
    EXPECT_NE(registers().debug_control, 0x400U);
    stub.reset();
    EXPECT_EQ(domain().debug, RINGFOLD_DEBUG_DELIVERS);
    EXPECT_EQ(domain().info.pauses, 0U);
    EXPECT_EQ(registers().debug_control, 0x400U);
    EXPECT_EQ(registers().debug_addresses[0], 0U);
    EXPECT_EQ(registers().rflags, 0x202U);
}

TEST_F(Gdb, DetachesWhenItIsAsked) {
    EXPECT_EQ(ask("D"), "OK");
    EXPECT_TRUE(stub->is_over());
    EXPECT_EQ(domain().info.pauses, 0U);
    EXPECT_EQ(domain().debug, RINGFOLD_DEBUG_DELIVERS);
}

TEST_F(Gdb, ADamagedPacketIsAskedForAgain) {
    stub->receive("$g#00");
    EXPECT_EQ(stub->take_output(), "-");
}

}  // namespace
}  // namespace ringfold::tools
