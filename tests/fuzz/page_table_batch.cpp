// SPDX-License-Identifier: Apache-2.0
//
// libFuzzer target: any bytes as page-table batches of a guest, on two processors that walk what they make. Afterwards
// the audit must agree, no cache may hold what breaks the rules, and all of the domain's memory must come back.
//
// Eight bytes are one step: what, which frame, which entry, flags, the frame it names, three more bits of detail.
#include "hypervisor/mm/page_table_batch.hpp"
#include "hypervisor/mm/assignment.hpp"
#include "hypervisor/mm/audit.hpp"
#include "hypervisor/mm/extent.hpp"
#include "hypervisor/mm/frame_table.hpp"
#include "hypervisor/mm/held_frames.hpp"
#include "hypervisor/mm/teardown.hpp"
#include "tests/unit/fake_machine_memory.hpp"
#include "tests/unit/simulated_machine.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

namespace {

using namespace ringfold;

constexpr uint64_t frame_count = 3 * frames_per_extent;  // the hypervisor's, the domain's, half the domain's
constexpr uint64_t domain_first = frames_per_extent;
constexpr uint64_t domain_frames = frames_per_extent + frames_per_extent / 2;

void require(bool holds, const char *what) {
    if (!holds) {
        std::fprintf(stderr, "%s\n", what);
        std::abort();
    }
}

struct Step {
    uint8_t what;
    uint8_t frame;
    uint8_t index;
    uint8_t flags;
    uint8_t named;
    uint8_t high_flags;
    uint8_t count;
    uint8_t random;
};
static_assert(sizeof(Step) == 8);

class Fuzzed {
  public:
    Fuzzed()
        : memory_(FrameCount{frame_count}),
          frames_(frame_count),
          extents_(frame_count / frames_per_extent),
          machine_(2),
          domain_(DomainId{1}, FrameCount{frame_count}) {
        frame_table::initialise(frames_, extents_);
        frame_table::declare(MachineFrame{domain_first}, FrameCount{frame_count - domain_first}, no_domain);
        require(assign_frames(domain_, MachineFrame{domain_first}, FrameCount{domain_frames}).ok(),
                "frames are assigned");
        machine_.preemption_due = [this] { return (preemption_ = preemption_ * 5 + 1) % 8 < preemption_limit_; };
    }

    void step(const Step &step) {
        preemption_limit_ = step.random % 8;
        random_.seed(step.random);
        switch (step.what % 12) {
            case 8:
                hold(step);
                break;
            case 9:
                held_ = TypeReference{};
                break;
            case 10:
                release(step);
                break;
            case 11:
                machine_.cpu(step.frame % 2).walk(random_);
                break;
            default:
                batch(step);
        }
        require(machine_.check_caches().empty(), "nothing that is cached breaks the rules");
    }

    void finish() {
        require(audit_findings() == 0, "the audit agrees");
        leave_root();
        root_ = TypeReference{};
        held_ = TypeReference{};
        for (;;) {
            preemption_limit_ = 2;
            const auto torn = tear_down(domain_, [](MachineFrame) {});
            if (torn.ok()) {
                break;
            }
            require(torn.error() == Error::again, "nothing but time keeps teardown from ending");
        }
        require(domain_.owned() == FrameCount{}, "all frames come back");
        require(audit_findings() == 0, "the audit agrees in the end");
    }

  private:
    static MachineFrame frame_named(uint8_t byte) {
        // Sixteen frames that become tables and data, and a few of every other kind.
        static constexpr uint64_t others[]{0,
                                           5,
                                           frame_count,
                                           frame_count - 1,
                                           domain_first,
                                           2 * frames_per_extent,
                                           domain_first + 100,
                                           0xff'ffff'ffff};
        return MachineFrame{byte < 0xe0 ? domain_first + byte % 16 : others[byte % 8]};
    }
    static uint64_t entry(const Step &step) {
        return frame_named(step.named).raw() << page_shift | step.flags |
               static_cast<uint64_t>(step.high_flags & 0x0f) << 8 | static_cast<uint64_t>(step.high_flags >> 4) << 60;
    }

    void batch(const Step &step) {
        ringfold_page_table_operation operation{.operation = step.what % 12U, .count = step.count};
        operation.address = frame_named(step.frame).raw();
        if (operation.operation <= RINGFOLD_PAGE_TABLE_FLAGS_RUN ||
            operation.operation == RINGFOLD_PAGE_TABLE_EXCHANGE) {
            operation.address = operation.address << page_shift | uint64_t{step.index} * 8 % page_size;
            operation.value = entry(step);
            operation.mask = (step.named & 1) != 0 ? RINGFOLD_ENTRY_WRITABLE : entry(step);
        } else {
            operation.value = step.flags % 4;
        }
        const VcpuActions actions{
            .context = this,
            .load_root = [](void *context, TypeReference root,
                            RootCaching) { static_cast<Fuzzed *>(context)->run_on(std::move(root)); },
            .flush = [](void *, const FlushRequest &) {}};
        for (unsigned tries = 0; tries < step.random % 4U + 1; ++tries) {
            const BatchResult result = apply_page_table_batch(domain_, {&operation, 1}, actions);
            if (result.result.ok() || result.result.error() != Error::again) {
                return;
            }
        }
    }

    void run_on(TypeReference root) {
        machine_.cpu(0).load_root(domain_, root.frame());
        machine_.cpu(1).load_root(domain_, root.frame());
        root_ = std::move(root);
    }
    void leave_root() {
        machine_.cpu(0).leave_root();
        machine_.cpu(1).leave_root();
    }

    void hold(const Step &step) {
        const MachineFrame frame = frame_named(step.frame);
        auto taken = hold_writable(domain_, frame);
        if (taken.ok()) {
            // Held writable: the guest may write what it likes.
            const uint64_t value = entry(step);
            std::memcpy(pointer_to<std::byte>(frame) + uint64_t{step.index} * 8, &value, sizeof(value));
            held_ = taken.take();
        }
    }
    void release(const Step &step) {
        const MachineFrame frame = frame_named(step.frame);
        if (release_frame(domain_, frame).ok()) {
            clear_frame(frame);
            require(assign_frames(domain_, frame, FrameCount{1}).ok(), "a released frame is free");
        }
    }

    uint64_t audit_findings() {
        return audit({.context = this,
                      .visit_holders =
                          [](void *context, AuditCounts &counts) {
                              auto *fuzzed = static_cast<Fuzzed *>(context);
                              for (const TypeReference *held : {&fuzzed->root_, &fuzzed->held_}) {
                                  if (*held) {
                                      audit_holder(counts, held->frame(), held->type());
                                  }
                              }
                          },
                      .report =
                          [](void *, const AuditFinding &finding) {
                              std::fprintf(stderr, "audit: frame %llu: %s\n",
                                           static_cast<unsigned long long>(finding.frame.raw()), finding.what);
                          }});
    }

    test::FakeMachineMemory memory_;
    std::vector<FrameInfo> frames_;
    std::vector<Extent> extents_;
    test::SimulatedMachine machine_;
    test::Random random_;
    unsigned preemption_ = 0;
    unsigned preemption_limit_ = 0;
    DomainMemory domain_;
    TypeReference root_;
    TypeReference held_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Fuzzed fuzzed;
    for (; size >= sizeof(Step); data += sizeof(Step), size -= sizeof(Step)) {
        Step step;
        std::memcpy(&step, data, sizeof(step));
        fuzzed.step(step);
    }
    fuzzed.finish();
    return 0;
}
