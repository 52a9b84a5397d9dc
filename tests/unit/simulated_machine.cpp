// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/simulated_machine.hpp"

#include "hypervisor/mm/flush_clock.hpp"
#include "hypervisor/mm/frame_table.hpp"
#include "hypervisor/mm/machine_memory.hpp"
#include "hypervisor/mm/machine_seam.hpp"
#include "hypervisor/mm/translation_model.hpp"
#include "hypervisor/mm/validate.hpp"

#include <cstring>

namespace ringfold {

namespace test {

namespace {

SimulatedMachine *current_machine = nullptr;

}  // namespace

void SimulatedCpu::load_root(DomainMemory &domain, MachineFrame l4) {
    domain.note_cpu(id_);
    if (!in_hypervisor_) {
        translation_model::walks(id_, domain.id());
    }
    domain_ = &domain;
    root_ = l4;
    root_changed(l4);
}

void SimulatedCpu::leave_root() {
    domain_ = nullptr;
    root_ = MachineFrame{};
    translation_model::stops_walking(id_);
}

void SimulatedCpu::root_changed(MachineFrame l4) {
    if (domain_ != nullptr && l4 == root_) {
        std::memcpy(private_root_.data(), pointer_to(l4), page_size);
    }
}

void SimulatedCpu::flush() {
    const FlushMoment begun = flush_clock::begin_full_flush();
    const uint64_t modelled = translation_model::flush_begins();
    leaves_.clear();
    tables_.clear();
    flush_asked_ = false;
    flush_clock::full_flush_done(id_, begun);
    translation_model::flushed(id_, modelled);
}

void SimulatedCpu::enter_hypervisor() {
    in_hypervisor_ = true;
    translation_model::stops_walking(id_);
}

void SimulatedCpu::leave_hypervisor() {
    in_hypervisor_ = false;
    if (flush_asked_) {
        flush();
    }
    invariant(!translation_model::owes_flush(id_), "who owes a flush was asked for it");
    if (domain_ != nullptr) {
        translation_model::walks(id_, domain_->id());
    }
}

void SimulatedCpu::ask_flush() {
    flush_asked_ = true;
    translation_model::flush_requested(id_, translation_model::flush_begins());
    if (!in_hypervisor_) {
        flush();
    }
}

void SimulatedCpu::walk(Random &random) {
    if (domain_ == nullptr || in_hypervisor_) {
        return;
    }
    if (!tables_.empty() && random() % 3 == 0) {
        auto cached = tables_.begin();
        std::advance(cached, static_cast<long>(random() % tables_.size()));
        const auto *words = pointer_to<uint64_t>(MachineFrame{cached->frame});
        const Level level = cached->level;
        follow(Entry{words[random() % table_entries]}, level, random);
        for (unsigned index = 0; index < table_entries; ++index) {
            if (words[index] != 0 && random() % 2 == 0) {
                follow(Entry{words[index]}, level, random);
            }
        }
        return;
    }
    for (const uint64_t word : private_root_) {
        if (word != 0 && random() % 2 == 0) {
            follow(Entry{word}, Level::l4, random);
        }
    }
}

// What a processor does with an entry that it read in a table that it takes for one of `level`.
void SimulatedCpu::follow(Entry entry, Level level, Random &random) {
    if (!entry.present() || !(entry.frame() < frame_table::end())) {
        return;
    }
    if (entry.is_leaf(level)) {
        leaves_.insert({.frame = entry.frame().raw(),
                        .count = level == Level::l1 ? 1 : frames_per_extent,
                        .writable = entry.writable(),
                        .owner = domain_->id()});
        return;
    }
    tables_.insert({.frame = entry.frame().raw(), .level = below(level), .owner = domain_->id()});
    const auto *words = pointer_to<uint64_t>(entry.frame());
    for (unsigned index = 0; index < table_entries; ++index) {
        if (words[index] != 0 && random() % 2 == 0) {
            follow(Entry{words[index]}, below(level), random);
        }
    }
}

std::string SimulatedCpu::check(const MayBorrow &may_borrow) const {
    if (in_hypervisor_ && flush_asked_) {
        return {};  // none of it will be used again
    }
    for (const CachedLeaf &leaf : leaves_) {
        for (uint64_t offset = 0; offset < leaf.count; ++offset) {
            const FrameInfo &info = frame_table::at(MachineFrame{leaf.frame + offset});
            if (!info.owned_by(leaf.owner) &&
                !may_borrow(leaf.owner, MachineFrame{leaf.frame + offset}, leaf.writable)) {
                return "a cached translation leads to another owner's frame " + std::to_string(leaf.frame + offset);
            }
            if (leaf.writable && info.state().is_table()) {
                return "a cached writable translation leads to page table " + std::to_string(leaf.frame + offset);
            }
        }
    }
    for (const CachedTable &table : tables_) {
        const FrameInfo &info = frame_table::at(MachineFrame{table.frame});
        const FrameType type = info.state().type();
        if (!info.owned_by(table.owner)) {
            return "a cached upper-level entry leads to another owner's frame " + std::to_string(table.frame);
        }
        if (type != FrameType::none && type != table_type(table.level)) {
            return "a cached upper-level entry leads to frame " + std::to_string(table.frame) + ", now of type " +
                   std::to_string(static_cast<int>(type));
        }
    }
    return {};
}

SimulatedMachine::SimulatedMachine(unsigned cpus) {
    for (unsigned number = 0; number < cpus; ++number) {
        cpus_.emplace_back(CpuId{static_cast<uint16_t>(number)});
        cpus_.back().flush();
    }
    current_machine = this;
}

SimulatedMachine::~SimulatedMachine() { current_machine = nullptr; }

std::string SimulatedMachine::check_caches() const {
    for (const SimulatedCpu &cpu : cpus_) {
        if (std::string wrong = cpu.check(may_borrow); !wrong.empty()) {
            return wrong;
        }
    }
    return {};
}

void SimulatedMachine::flush(CpuSet targets) {
    const std::lock_guard lock{mutex_};
    ++flushes;
    targets.for_each([this](CpuId cpu) { cpus_[cpu.raw()].ask_flush(); });
}

void SimulatedMachine::root_changed(MachineFrame l4) {
    const std::lock_guard lock{mutex_};
    for (SimulatedCpu &cpu : cpus_) {
        cpu.root_changed(l4);
    }
}

}  // namespace test

namespace machine {

bool preemption_due() { return test::current_machine != nullptr && test::current_machine->preemption_due(); }

void flush_translations(CpuSet cpus) { test::current_machine->flush(cpus); }

void root_changed(MachineFrame l4) { test::current_machine->root_changed(l4); }

}  // namespace machine
}  // namespace ringfold
