// SPDX-License-Identifier: Apache-2.0
//
// Three domains that lend to and borrow from one another, on a machine of three processors, for tests of grants.
//
//   extent 0        the hypervisor's
//   extent 1        64 frames for each of the three domains, by turns; the rest is free
//   extents 2 to 5  what the frame allocator has: the hypervisor's heap, and frames to exchange
//
// The first frames of a domain are its own page tables, one of each level, on which one processor runs, and a page of
// its grant table. A domain that has ended is a husk until the last of its frames came back.
#pragma once

#include "hypervisor/grant/grant_domain.hpp"
#include "hypervisor/mm/assignment.hpp"
#include "hypervisor/mm/frame_allocator.hpp"
#include "hypervisor/mm/heap.hpp"
#include "hypervisor/mm/teardown.hpp"
#include "hypervisor/mm/validate.hpp"
#include "tests/unit/memory_world.hpp"

#include <array>
#include <map>
#include <memory>
#include <set>
#include <vector>

namespace ringfold::test {

// A domain as the rest of the hypervisor has it: its memory, its grants, and how often somebody refers to it.
class GrantPlayer {
  public:
    explicit GrantPlayer(DomainId id, FrameCount maximum)
        : memory(id, maximum), grants(memory, {.context = this, .keep = keep, .let_go = let_go}) {}

    DomainMemory memory;
    GrantDomain grants;
    uint64_t references = 0;
    bool ended = false;
    TypeReference root;

  private:
    static void keep(void *context) { ++static_cast<GrantPlayer *>(context)->references; }
    static void let_go(void *context) {
        ASSERT_NE(static_cast<GrantPlayer *>(context)->references, 0U);
        --static_cast<GrantPlayer *>(context)->references;
    }
};

class GrantWorld {
  public:
    static constexpr uint64_t extent_count = 6;
    static constexpr FrameCount ram{extent_count * frames_per_extent};
    static constexpr unsigned player_count = 3;
    static constexpr uint64_t frames_each = 64;
    // The first frames of a player, by number.
    static constexpr unsigned l4 = 0;
    static constexpr unsigned l3 = 1;
    static constexpr unsigned l2 = 2;
    static constexpr unsigned l1 = 3;
    static constexpr unsigned table = 4;
    static constexpr unsigned first_data = 5;

    GrantWorld() : memory_(ram), frames_(ram.raw()), extents_(extent_count), nodes_(ram.raw()), records_(ram.raw()) {
        frame_table::initialise(frames_, extents_);
        translation_model::initialise(records_);
        frame_table::declare(MachineFrame{frames_per_extent}, FrameCount{5 * frames_per_extent}, no_domain);
        initialise_frame_allocator(nodes_);
        EXPECT_TRUE(add_frames(MachineFrame{2 * frames_per_extent}, FrameCount{4 * frames_per_extent}).ok());
        current = this;
        machine.may_borrow = [this](DomainId borrower, MachineFrame frame, bool wants_to_write) {
            return may_borrow(borrower, frame, wants_to_write);
        };
        for (unsigned number = 0; number < player_count; ++number) {
            begin(number);
        }
    }
    ~GrantWorld() {
        for (unsigned number = 0; number < player_count; ++number) {
            end(number);
        }
        for (const auto &husk : husks_) {
            EXPECT_EQ(husk->references, 0U);
            EXPECT_EQ(husk->memory.owned(), FrameCount{});
        }
        husks_.clear();
        current = nullptr;
        heap_trim();
        EXPECT_EQ(heap_counters().objects, 0U);
        initialise_frame_allocator({});
        translation_model::initialise({});
    }
    GrantWorld(const GrantWorld &) = delete;
    GrantWorld &operator=(const GrantWorld &) = delete;

    [[nodiscard]] GrantPlayer &player(unsigned number) { return *players_[number]; }
    [[nodiscard]] DomainMemory &memory(unsigned number) { return player(number).memory; }
    [[nodiscard]] GrantDomain &grants(unsigned number) { return player(number).grants; }
    [[nodiscard]] DomainId id(unsigned number) { return memory(number).id(); }
    static MachineFrame frame(unsigned number, uint64_t which) {
        return MachineFrame{frames_per_extent + number * frames_each + which};
    }
    static GrantReference find(DomainId id) {
        for (const auto &candidate : current->players_) {
            if (candidate && candidate->memory.id() == id) {
                return GrantReference{candidate->grants};
            }
        }
        return {};
    }

    // --- the guests' side ---
    static ringfold_grant_entry &entry(unsigned number, unsigned reference) {
        return pointer_to<ringfold_grant_entry>(frame(number, table))[reference];
    }
    void grant(unsigned from, unsigned reference, unsigned to, MachineFrame what, uint32_t flags = 0) {
        ringfold_grant_entry &changed = entry(from, reference);
        changed.frame = what.raw();
        changed.control = RINGFOLD_GRANT_PERMIT | flags | uint32_t{id(to).raw()} << RINGFOLD_GRANT_DOMAIN_SHIFT;
    }
    void accept(unsigned to, unsigned reference, unsigned from, uint64_t shown_as) {
        ringfold_grant_entry &changed = entry(to, reference);
        changed.frame = shown_as;
        changed.control = RINGFOLD_GRANT_ACCEPT | uint32_t{id(from).raw()} << RINGFOLD_GRANT_DOMAIN_SHIFT;
    }
    // As a guest does it: false while the entry is in use.
    static bool revoke(unsigned from, unsigned reference) {
        std::atomic_ref<uint32_t> control{entry(from, reference).control};
        uint32_t old = control.load();
        return (old & (RINGFOLD_GRANT_READING | RINGFOLD_GRANT_WRITING)) == 0 &&
               control.compare_exchange_strong(old, 0);
    }

    // An entry of the player's L1.
    Result<void> set(unsigned number, unsigned index, uint64_t value, unsigned in = l1) {
        const ringfold_page_table_operation operation{
            .operation = RINGFOLD_PAGE_TABLE_SET,
            .address = address_of(frame(number, in)).raw() + 8 * uint64_t{index},
            .value = value};
        return apply(number, operation);
    }
    Result<void> apply(unsigned number, ringfold_page_table_operation operation) {
        for (;;) {
            const VcpuActions actions{.context = nullptr, .load_root = nullptr, .flush = nullptr};
            const BatchResult result = apply_page_table_batch(memory(number), {&operation, 1}, actions);
            if (result.result.ok() || result.result.error() != Error::again) {
                return result.result.ok() ? Result<void>{} : result.result.error();
            }
        }
    }
    static uint64_t read_only(MachineFrame frame) { return Entry{frame, RINGFOLD_ENTRY_PRESENT}.raw(); }
    static uint64_t writable_entry(MachineFrame frame) {
        return Entry{frame, RINGFOLD_ENTRY_PRESENT | RINGFOLD_ENTRY_WRITABLE}.raw();
    }

    // Nothing is left half done.
    void settle() {
        for (const auto &candidate : players_) {
            if (candidate) {
                EXPECT_TRUE(retry([&]() -> Result<void> {
                                LockedMemory locked{candidate->memory};
                                return settle_parked(locked);
                            }).ok());
            }
        }
    }

    // --- the end of a domain, and a new one in its place ---
    void end(unsigned number) {
        if (!players_[number]) {
            return;
        }
        GrantPlayer &ending = player(number);
        ending.ended = true;
        machine.cpu(number).leave_root();
        ending.root = TypeReference{};
        ending.grants.close_table();
        const auto torn_down = retry([&] {
            return tear_down(ending.memory, [](MachineFrame frame) { current->came_back_.insert(frame.raw()); });
        });
        EXPECT_TRUE(torn_down.ok() || torn_down.error() == Error::busy);
        EXPECT_TRUE(retry([&] { return ending.grants.end_borrowings(); }).ok());
        husks_.push_back(std::move(players_[number]));
    }
    // All frames of the last one came back.
    [[nodiscard]] bool can_begin(unsigned number) const {
        for (uint64_t which = 0; which < frames_each; ++which) {
            if (!players_[number] && !came_back_.contains(frame(number, which).raw())) {
                return false;
            }
        }
        return !players_[number];
    }
    void begin(unsigned number) {
        players_[number] = std::make_unique<GrantPlayer>(DomainId{next_id_++}, FrameCount{frames_each + 8});
        for (uint64_t which = 0; which < frames_each; ++which) {
            came_back_.erase(frame(number, which).raw());
            clear_frame(frame(number, which));
        }
        EXPECT_TRUE(assign_frames(memory(number), frame(number, 0), FrameCount{frames_each}).ok());
        constexpr uint64_t flags = RINGFOLD_ENTRY_PRESENT | RINGFOLD_ENTRY_WRITABLE;
        for (const unsigned upper : {l4, l3, l2}) {
            *pointer_to<uint64_t>(frame(number, upper)) = Entry{frame(number, upper + 1), flags}.raw();
        }
        auto root = retry([&] { return take_root(memory(number), frame(number, l4)); });
        ASSERT_TRUE(root.ok());
        player(number).root = root.take();
        machine.cpu(number).load_root(memory(number), frame(number, l4));
        auto page = retry([&] { return hold_writable(memory(number), frame(number, table)); });
        ASSERT_TRUE(page.ok());
        ASSERT_TRUE(grants(number).table.lock()->set(0, page.take()).ok());
    }
    [[nodiscard]] const std::vector<std::unique_ptr<GrantPlayer>> &husks() const { return husks_; }
    // Husks that nobody refers to any more must own nothing, and go.
    void bury_husks() {
        std::erase_if(husks_, [](const auto &husk) {
            if (husk->references == 0) {
                EXPECT_EQ(husk->memory.owned(), FrameCount{});
            }
            return husk->references == 0;
        });
    }

    template <typename Operation>
    static auto retry(Operation &&operation) -> decltype(operation()) {
        for (;;) {
            auto result = operation();
            if (result.ok() || result.error() != Error::again) {
                return result;
            }
        }
    }

    uint64_t audit_findings() {
        const AuditCaller caller{
            .context = this,
            .visit_holders = [](void *context,
                                AuditCounts &counts) { static_cast<GrantWorld *>(context)->visit(counts); },
            .report =
                [](void *, const AuditFinding &finding) {
                    std::printf("audit: frame %llu: %s is %llu, should be %llu\n",
                                static_cast<unsigned long long>(finding.frame.raw()), finding.what,
                                static_cast<unsigned long long>(finding.actual),
                                static_cast<unsigned long long>(finding.expected));
                }};
        return audit(caller);
    }

  private:
    void visit(AuditCounts &counts) {
        for (const auto &candidate : players_) {
            if (!candidate) {
                continue;
            }
            if (candidate->root) {
                audit_holder(counts, candidate->root.frame(), candidate->root.type());
            }
            audit_borrowed(counts, candidate->memory);
            candidate->grants.table.lock()->for_each_frame(
                [&](MachineFrame page) { audit_holder(counts, page, FrameType::writable); });
            candidate->grants.borrowings.lock()->for_each_use(
                [&](const GrantUse &use) { audit_holder(counts, use.frame(), use.type()); });
        }
    }
    bool may_borrow(DomainId borrower, MachineFrame frame, bool wants_to_write) {
        for (const auto &candidate : players_) {
            if (candidate && candidate->memory.id() == borrower) {
                const LockedMemory locked{candidate->memory};
                const BorrowedFrame *const borrowed = locked.borrowed().find(frame.raw());
                return borrowed != nullptr && (!wants_to_write || borrowed->writable_rights != 0);
            }
        }
        return false;
    }

    static inline GrantWorld *current = nullptr;

    FakeMachineMemory memory_;
    std::vector<FrameInfo> frames_;
    std::vector<Extent> extents_;
    std::vector<FrameNode> nodes_;
    std::vector<translation_model::FrameRecord> records_;

  public:
    SimulatedMachine machine{player_count};

  private:
    std::array<std::unique_ptr<GrantPlayer>, player_count> players_;
    std::vector<std::unique_ptr<GrantPlayer>> husks_;
    std::set<uint64_t> came_back_;
    uint16_t next_id_ = 1;
};

}  // namespace ringfold::test
