// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/cpu/space_check.hpp"

#include "hypervisor/boot/memory_map.hpp"
#include "hypervisor/cpu/page_mapper.hpp"
#include "hypervisor/mm/virtual_map.hpp"

#include <array>

namespace ringfold {

namespace {

using virtual_map::Region;

// The machine memory that is executable anywhere: a few runs of frames.
class ExecutableFrames {
  public:
    // False: there are more runs than a sound map could have.
    bool add(const Mapping &mapping) {
        const FrameRange range{mapping.frame, mapping.frame + mapping.frames()};
        for (FrameRange &run : std::span(runs_).first(used_)) {
            if (range.begin >= run.begin && range.end <= run.end) {
                return true;
            }
            if (run.end == range.begin) {
                run.end = range.end;
                return true;
            }
        }
        if (used_ == runs_.size()) {
            return false;
        }
        runs_[used_++] = range;
        return true;
    }
    [[nodiscard]] bool touches(const Mapping &mapping) const {
        for (const FrameRange &run : std::span(runs_).first(used_)) {
            if (mapping.frame < run.end && run.begin < mapping.frame + mapping.frames()) {
                return true;
            }
        }
        return false;
    }

  private:
    std::array<FrameRange, 16> runs_{};
    std::size_t used_ = 0;
};

class Check {
  public:
    Check(std::span<const CpuSpace *const> spaces, uint64_t boot_stack_guard)
        : spaces_(spaces), boot_stack_guard_(boot_stack_guard) {}

    std::optional<SpaceBreach> run() {
        for_each_table([this](MachineFrame l3) { collect_executable(l3); });
        for_each_table([this](MachineFrame l3) { check_mappings(l3); });
        for (const CpuSpace *space : spaces_) {
            check_root(space->hypervisor_root);
            for_each_mapping(space->hypervisor_face, virtual_map::slot_base,
                             [this](const Mapping &mapping) { check_guards(mapping); });
            for_each_mapping(space->guest_face, virtual_map::slot_base,
                             [this](const Mapping &mapping) { check_guest(mapping); });
        }
        return breach_;
    }

  private:
    template <typename Visitor>
    void for_each_table(Visitor &&visit) {
        for (const CpuSpace *space : spaces_) {
            visit(space->hypervisor_face);
            visit(space->guest_face);
        }
    }

    void require(bool holds, std::string_view rule, uint64_t address) {
        if (!holds && !breach_) {
            breach_ = SpaceBreach{rule, address};
        }
    }

    void collect_executable(MachineFrame l3) {
        for_each_mapping(l3, virtual_map::slot_base, [this](const Mapping &mapping) {
            if (mapping.executable) {
                require(executable_.add(mapping), "code is in few pieces", mapping.address);
            }
        });
    }

    void check_mappings(MachineFrame l3) {
        for_each_mapping(l3, virtual_map::slot_base, [this](const Mapping &mapping) {
            require(!mapping.user, "nothing is for ring 3", mapping.address);
            require(!mapping.global, "nothing is global", mapping.address);
            require(!mapping.writable || !executable_.touches(mapping), "no code is writable", mapping.address);
            require(!mapping.executable || virtual_map::gate_text.contains(mapping.address) ||
                        virtual_map::image.contains(mapping.address),
                    "code is in the image and the gate only", mapping.address);
        });
    }

    void check_root(MachineFrame l4) {
        const auto *entries = pointer_to<const uint64_t>(l4);
        for (uint64_t index = 0; index < table_entries; ++index) {
            require(index == virtual_map::slot || entries[index] == 0, "the hypervisor's root has one slot",
                    index << 39);
        }
    }

    void check_guards(const Mapping &mapping) {
        const auto misses = [&mapping](uint64_t page) { return page - mapping.address >= mapping.size; };
        require(misses(boot_stack_guard_), "a guard page lies below the boot stack", mapping.address);
        for (const Region &stack : virtual_map::stacks) {
            require(misses(stack.base - page_size) && misses(stack.end()), "guard pages surround every stack",
                    mapping.address);
        }
    }

    void check_guest(const Mapping &mapping) {
        for (const Region &region :
             {virtual_map::gate_stack, virtual_map::gate_ist, virtual_map::gate_spill, virtual_map::vcpu_page}) {
            if (region.contains(mapping.address)) {
                return;
            }
        }
        bool known = false;
        for (const Region &region :
             {virtual_map::gate_text, virtual_map::gate_constants, virtual_map::gate_gdt, virtual_map::gate_idt,
              virtual_map::gate_tss, virtual_map::gate_ldt, virtual_map::machine_to_physical}) {
            known |= region.contains(mapping.address);
        }
        require(known, "guests' face holds the gate and the machine-to-physical table only", mapping.address);
        require(!mapping.writable, "a guest writes scratch and its vCPU page only", mapping.address);
    }

    std::span<const CpuSpace *const> spaces_;
    uint64_t boot_stack_guard_;
    ExecutableFrames executable_;
    std::optional<SpaceBreach> breach_;
};

}  // namespace

std::optional<SpaceBreach> find_space_breach(std::span<const CpuSpace *const> spaces, uint64_t boot_stack_guard) {
    return Check{spaces, boot_stack_guard}.run();
}

}  // namespace ringfold
