// SPDX-License-Identifier: Apache-2.0
//
// What is written to local APICs and IO-APICs, against the data sheets' bit positions and a model of the IO-APIC.
#include "hypervisor/platform/interrupt_command.hpp"
#include "hypervisor/platform/io_apic.hpp"
#include "hypervisor/platform/isa_interrupt.hpp"
#include "hypervisor/platform/vectors.hpp"

#include <gtest/gtest.h>
#include <array>
#include <vector>

namespace ringfold {
namespace {

TEST(InterruptCommand, Encodings) {
    EXPECT_EQ((InterruptCommand{.vector = 0xf1}.low_word()), 0x40f1u);
    EXPECT_EQ((InterruptCommand{.mode = DeliveryMode::nmi}.low_word()), 0x4400u);
    EXPECT_EQ((InterruptCommand{.mode = DeliveryMode::nmi, .shorthand = DestinationShorthand::all_but_self}.low_word()),
              0xc4400u);
    EXPECT_EQ(init_command().low_word(), 0xc500u);
    EXPECT_EQ(init_deassert_command().low_word(), 0x8500u);
    EXPECT_EQ(startup_command(0x8f).low_word(), 0x468fu);
    EXPECT_EQ(x2apic_command(startup_command(1), 0x1234'5678), 0x1234'5678'0000'4601u);
    EXPECT_EQ(xapic_destination(0xfe), 0xfe00'0000u);
    EXPECT_TRUE(reachable_by_xapic(254));
    EXPECT_FALSE(reachable_by_xapic(255));
    EXPECT_FALSE(reachable_by_xapic(256));
}

TEST(Vectors, DevicesGetNoneOfTheOthers) {
    unsigned devices = 0;
    for (unsigned vector = 0; vector < vector_count; ++vector) {
        devices += is_device_vector(static_cast<uint8_t>(vector)) ? 1 : 0;
    }
    EXPECT_EQ(devices, 0xf0u - 0x30u - 2u);
    for (const uint8_t vector : {vector_int80, vector_slow_return, vector_timer, vector_ipi_event, vector_ipi_flush,
                                 vector_apic_error, vector_spurious, vector_pic_first}) {
        EXPECT_FALSE(is_device_vector(vector)) << unsigned{vector};
    }
    EXPECT_EQ(vector_spurious & 0xf, 0xf);
}

// The registers of an IO-APIC, and everything ever written to them.
struct IoApicModel {
    struct Write {
        uint8_t index;
        uint32_t value;
    };
    std::array<uint32_t, 64> registers{};
    std::vector<Write> history;
};

class ModelWindow {
  public:
    ModelWindow() = default;
    explicit ModelWindow(IoApicModel &model) : model_(&model) {}
    [[nodiscard]] uint32_t read(uint8_t index) const { return model_->registers.at(index); }
    void write(uint8_t index, uint32_t value) const {
        model_->registers.at(index) = value;
        model_->history.push_back({index, value});
    }

  private:
    IoApicModel *model_ = nullptr;
};

class IoApicTest : public testing::Test {
  protected:
    IoApicTest() {
        model.registers[1] = 23u << 16 | 0x20;
        for (unsigned pin = 0; pin < 24; ++pin) {
            model.registers[0x10 + 2 * pin] = 0x8031;  // what firmware left: open and level-triggered
        }
        io_apic = IoApic{ModelWindow{model}, 24};
        model.history.clear();
    }
    IoApicModel model;
    IoApic<ModelWindow> io_apic;
};

TEST_F(IoApicTest, StartsWithEveryPinMasked) {
    EXPECT_EQ(io_apic.pins(), 24u);
    for (unsigned pin = 0; pin < 24; ++pin) {
        EXPECT_EQ(model.registers[0x10 + 2 * pin], RedirectionEntry::mask_bit) << pin;
    }
}

TEST_F(IoApicTest, OwnsItsPinsOnly) {
    EXPECT_FALSE(io_apic.owns(23));
    EXPECT_TRUE(io_apic.owns(24));
    EXPECT_TRUE(io_apic.owns(47));
    EXPECT_FALSE(io_apic.owns(48));
    EXPECT_EQ(io_apic.route(48, {}).error(), Error::not_found);
    EXPECT_EQ(io_apic.set_masked(23, true).error(), Error::not_found);
    EXPECT_TRUE(model.history.empty());
}

TEST_F(IoApicTest, RoutedPinIsNeverOpenWithHalfAnEntry) {
    const RedirectionEntry entry{.vector = 0x55,
                                 .destination = 3,
                                 .wiring = {.polarity = Polarity::active_low, .trigger = TriggerMode::level},
                                 .masked = false};
    ASSERT_TRUE(io_apic.route(26, entry).ok());
    EXPECT_EQ(model.registers[0x14], 0xa055u);
    EXPECT_EQ(model.registers[0x15], 0x0300'0000u);
    ASSERT_EQ(model.history.size(), 3u);
    EXPECT_EQ(model.history[0].value, RedirectionEntry::mask_bit);
    EXPECT_EQ(model.history[1].index, 0x15u);
    EXPECT_EQ(model.history[2].index, 0x14u);
}

TEST_F(IoApicTest, MaskingKeepsTheRest) {
    ASSERT_TRUE(io_apic.route(24, RedirectionEntry{.vector = 0x40, .masked = false}).ok());
    ASSERT_TRUE(io_apic.set_masked(24, true).ok());
    EXPECT_EQ(model.registers[0x10], 0x1'0040u);
    ASSERT_TRUE(io_apic.set_masked(24, false).ok());
    EXPECT_EQ(model.registers[0x10], 0x40u);
}

TEST(IsaInterrupt, IsOneToOneButForOverrides) {
    Madt madt;
    ASSERT_TRUE(madt.overrides.append({.isa_irq = 0, .gsi = 2, .wiring = {}}));
    const InterruptWiring level_low{.polarity = Polarity::active_low, .trigger = TriggerMode::level};
    ASSERT_TRUE(madt.overrides.append({.isa_irq = 9, .gsi = 20, .wiring = level_low}));
    EXPECT_EQ(isa_interrupt(madt, 0), (InterruptLine{.gsi = 2, .wiring = {}}));
    EXPECT_EQ(isa_interrupt(madt, 9), (InterruptLine{.gsi = 20, .wiring = level_low}));
    EXPECT_EQ(isa_interrupt(madt, 4), (InterruptLine{.gsi = 4, .wiring = {}}));
}

}  // namespace
}  // namespace ringfold
