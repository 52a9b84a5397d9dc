// SPDX-License-Identifier: Apache-2.0
//
// The model of processors' caches must itself notice what it is there for, and nothing else.
#include "hypervisor/mm/translation_model.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace ringfold::test {
namespace {

constexpr CpuId cpu{3};
constexpr DomainId domain{7};
constexpr MachineFrame frame{5};
constexpr Entry mapped{frame, RINGFOLD_ENTRY_PRESENT | RINGFOLD_ENTRY_WRITABLE};

class TranslationModel : public ::testing::Test {
  protected:
    TranslationModel() : records_(2 * frames_per_extent) { translation_model::initialise(records_); }
    ~TranslationModel() override { translation_model::initialise({}); }
    static void flush() { translation_model::flushed(cpu, translation_model::flush_begins()); }

  private:
    std::vector<translation_model::FrameRecord> records_;
};
using TranslationModelDeath = TranslationModel;

TEST_F(TranslationModelDeath, AWrittenFrameBecomesATable) {
    translation_model::walks(cpu, domain);
    translation_model::leaf_removed(Level::l1, mapped);
    EXPECT_DEATH(translation_model::check_becomes_table(domain, frame), "can still write");
    EXPECT_DEATH(translation_model::check_becomes_free(domain, frame), "can still write");
    translation_model::check_becomes_writable(domain, frame);
    flush();
    translation_model::check_becomes_table(domain, frame);
}

TEST_F(TranslationModelDeath, ATableBecomesWritable) {
    translation_model::walks(cpu, domain);
    translation_model::table_removed(frame);
    EXPECT_DEATH(translation_model::check_entry_target(domain, Level::l1, mapped), "still walks as a table");
    constexpr Entry big{MachineFrame{0}, RINGFOLD_ENTRY_PRESENT | RINGFOLD_ENTRY_WRITABLE | RINGFOLD_ENTRY_BIG};
    EXPECT_DEATH(translation_model::check_entry_target(domain, Level::l2, big), "still walks as a table");
    translation_model::check_entry_target(domain, Level::l1, Entry{frame, RINGFOLD_ENTRY_PRESENT});
    flush();
    translation_model::check_entry_target(domain, Level::l1, mapped);
}

TEST_F(TranslationModelDeath, ABigMappingIsAMappingOfEachFrame) {
    translation_model::walks(cpu, domain);
    translation_model::leaf_removed(Level::l2, Entry{MachineFrame{0}, RINGFOLD_ENTRY_PRESENT | RINGFOLD_ENTRY_BIG});
    EXPECT_DEATH(translation_model::check_becomes_table(domain, MachineFrame{511}), "can still write");
    translation_model::check_becomes_table(domain, MachineFrame{512});
}

TEST_F(TranslationModelDeath, AFlushThatBeganBeforeDoesNotHelp) {
    translation_model::walks(cpu, domain);
    const uint64_t begun = translation_model::flush_begins();
    translation_model::leaf_removed(Level::l1, mapped);
    translation_model::flushed(cpu, begun);
    EXPECT_DEATH(translation_model::check_becomes_table(domain, frame), "can still write");
}

TEST_F(TranslationModelDeath, AProcessorInTheHypervisorMayFlushLater) {
    translation_model::walks(cpu, domain);
    translation_model::leaf_removed(Level::l1, mapped);
    translation_model::flush_requested(cpu, translation_model::flush_begins());
    EXPECT_DEATH(translation_model::check_becomes_table(domain, frame), "can still write") << "it still walks";
    translation_model::stops_walking(cpu);
    translation_model::check_becomes_table(domain, frame);
    EXPECT_TRUE(translation_model::owes_flush(cpu));
    flush();
    EXPECT_FALSE(translation_model::owes_flush(cpu));
}

TEST_F(TranslationModel, ARequestThatIsReportedAfterItWasServedIsNotOwed) {
    const uint64_t asked = translation_model::flush_begins();
    flush();
    translation_model::flush_requested(cpu, asked);
    EXPECT_FALSE(translation_model::owes_flush(cpu));
}

TEST_F(TranslationModel, OtherDomainsProcessorsHoldNothing) {
    translation_model::walks(cpu, DomainId{8});
    translation_model::leaf_removed(Level::l1, mapped);
    translation_model::check_becomes_free(domain, frame);
}

TEST_F(TranslationModel, WhatWentBeforeTheFirstWalkWasNeverCached) {
    translation_model::leaf_removed(Level::l1, mapped);
    translation_model::walks(cpu, domain);
    translation_model::check_becomes_free(domain, frame);
}

TEST_F(TranslationModelDeath, WhatWasWalkedBeforeCounts) {
    translation_model::walks(cpu, domain);
    translation_model::walks(cpu, DomainId{8});
    translation_model::stops_walking(cpu);
    translation_model::leaf_removed(Level::l1, mapped);
    EXPECT_DEATH(translation_model::check_becomes_free(domain, frame), "can still write");
}

// The next owner's processors may have walked for long, and owe nothing for what was flushed before it had the frame.
TEST_F(TranslationModel, AFrameThatBecameFreeHasNoPast) {
    translation_model::walks(CpuId{4}, DomainId{8});
    translation_model::leaf_removed(Level::l1, mapped);
    translation_model::table_removed(frame);
    translation_model::check_becomes_free(domain, frame);
    translation_model::check_becomes_free(DomainId{8}, frame);
    translation_model::check_becomes_table(DomainId{8}, frame);
}

TEST_F(TranslationModelDeath, ARightEndsUnflushed) {
    translation_model::walks(cpu, domain);
    translation_model::borrowed_leaf_removed(frame);
    const uint64_t removed = translation_model::borrowed_leaf_last_removed(frame);
    EXPECT_DEATH(translation_model::check_right_ends(domain, removed), "a right that ends");
    translation_model::check_right_ends(DomainId{8}, removed);
    translation_model::check_becomes_table(domain, frame);  // nothing of the owner's was removed
    flush();
    translation_model::check_right_ends(domain, removed);
}

}  // namespace
}  // namespace ringfold::test
