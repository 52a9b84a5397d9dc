// SPDX-License-Identifier: Apache-2.0
//
// Random operations of three domains with grants, each compared with the independent model (grant_model.hpp): granted,
// mapped, put into page tables, unmapped, copied, transferred, revoked, made page tables, died, begun anew; by granters
// that keep to the protocol and by ones that do not. Work is preempted at random, processors walk and forget only what
// they are told to, and after each operation the audit recounts everything.
#include "hypervisor/grant/copy.hpp"
#include "hypervisor/grant/map.hpp"
#include "hypervisor/grant/transfer.hpp"
#include "tests/unit/grant_model.hpp"
#include "tests/unit/grant_world.hpp"
#include "tests/unit/random_seed.hpp"

#include <cstring>
#include <string>

namespace ringfold::test {
namespace {

constexpr uint64_t data_frames = 12;  // of each domain, behind its tables

class GrantRun {
  public:
    explicit GrantRun(uint64_t seed) : random_(seed) {
        model_.maximum = GrantWorld::frames_each + 8;
        for (unsigned place = 0; place < GrantModel::places; ++place) {
            for (uint64_t which = 0; which < GrantWorld::frames_each; ++which) {
                model_.frames[GrantWorld::frame(place, which).raw()].bytes.resize(page_size);
            }
            note_begun(place);
        }
        world_.machine.preemption_due = [this] { return chance(preemption_percent_); };
    }

    void step() {
        if (chance(1)) {
            preemption_percent_ = std::array<unsigned, 3>{0, 10, 80}[below(3)];
        }
        using Operation = void (GrantRun::*)();
        static constexpr std::array<Operation, 20> operations{
            &GrantRun::grant,  &GrantRun::grant,  &GrantRun::grant,    &GrantRun::map,          &GrantRun::map,
            &GrantRun::map,    &GrantRun::map,    &GrantRun::set,      &GrantRun::set,          &GrantRun::set,
            &GrantRun::set,    &GrantRun::unmap,  &GrantRun::unmap,    &GrantRun::copy,         &GrantRun::copy,
            &GrantRun::revoke, &GrantRun::accept, &GrantRun::transfer, &GrantRun::pin_or_unpin, &GrantRun::disturb};
        if (below(60) == 0) {
            end_or_begin();
        } else {
            (this->*operations[below(operations.size())])();
        }
        for (SimulatedCpu &cpu : world_.machine.cpus()) {
            if (chance(20)) {
                cpu.walk(random_);
            }
        }
        world_.settle();
        compare();
    }

    void check_contents() {
        for (const auto &[number, frame] : model_.frames) {
            if (frame.owner != 0 && is_data(number)) {
                ASSERT_EQ(std::memcmp(frame.bytes.data(), pointer_to(MachineFrame{number}), page_size), 0)
                    << "frame " << number;
            }
        }
    }

    uint64_t accepted = 0;
    std::map<Error, uint64_t> refused;

  private:
    using Domain = GrantModel::Domain;
    using Refusal = GrantModel::Refusal;

    uint64_t below(uint64_t limit) { return random_() % limit; }
    bool chance(unsigned percent) { return below(100) < percent; }
    unsigned any_place() { return static_cast<unsigned>(below(GrantModel::places)); }
    unsigned any_reference() { return static_cast<unsigned>(below(GrantModel::references)); }
    static bool is_data(uint64_t frame) {
        const uint64_t which = (frame - frames_per_extent) % GrantWorld::frames_each;
        return which >= GrantWorld::first_data && which < GrantWorld::first_data + data_frames;
    }
    uint64_t any_frame() { return GrantWorld::frame(any_place(), GrantWorld::first_data + below(data_frames)).raw(); }
    // Mostly one of the domain's.
    uint64_t frame_for(const Domain &domain) {
        uint64_t frame = any_frame();
        for (int tries = 0; tries < 4 && !model_.owns(domain, frame); ++tries) {
            frame = any_frame();
        }
        return frame;
    }
    // Two places with living domains; false: there are none.
    bool pick_two(unsigned &one, unsigned &other) {
        one = any_place();
        other = any_place();
        return one != other && model_.domains[one].alive && model_.domains[other].alive;
    }

    bool judge(const Result<void> &result, const Refusal &expected, const std::string &what) {
        if (result.ok()) {
            ++accepted;
            EXPECT_FALSE(expected.has_value()) << what << ": accepted, model: " << static_cast<int>(*expected);
            return true;
        }
        ++refused[result.error()];
        EXPECT_TRUE(expected.has_value()) << what << ": refused with " << static_cast<int>(result.error());
        if (expected.has_value()) {
            EXPECT_EQ(static_cast<int>(result.error()), static_cast<int>(*expected)) << what;
        }
        return false;
    }

    void note_begun(unsigned place) {
        Domain &domain = model_.domains[place];
        domain = Domain{};
        domain.alive = true;
        domain.number = world_.id(place).raw();
        for (uint64_t which = 0; which < GrantWorld::frames_each; ++which) {
            GrantModel::Frame &frame = model_.frames.at(GrantWorld::frame(place, which).raw());
            frame.owner = domain.number;
            frame.bytes.assign(page_size, 0);
        }
    }

    // --- what guests do to their own memory ---
    void write_entry(unsigned place, unsigned reference, uint32_t control, uint64_t frame) {
        model_.domains[place].entries[reference] = {.control = control, .frame = frame};
        ringfold_grant_entry &entry = GrantWorld::entry(place, reference);
        entry.frame = frame;
        entry.control = control;
    }
    void grant() {
        unsigned from = 0;
        unsigned to = 0;
        if (!pick_two(from, to)) {
            return;
        }
        const unsigned reference = any_reference();
        if (model_.uses_of_entry(model_.domains[from], reference).all != 0) {
            return;  // as the protocol says
        }
        const uint32_t flags = chance(30) ? RINGFOLD_GRANT_READ_ONLY : 0;
        write_entry(from, reference, RINGFOLD_GRANT_PERMIT | flags | uint32_t{world_.id(to).raw()} << 16,
                    frame_for(model_.domains[from]));
    }
    void accept() {
        unsigned by = 0;
        unsigned from = 0;
        if (pick_two(by, from)) {
            write_entry(by, any_reference(), RINGFOLD_GRANT_ACCEPT | uint32_t{world_.id(from).raw()} << 16, 7);
        }
    }
    // Anything at any moment.
    void disturb() {
        const unsigned place = any_place();
        if (model_.domains[place].alive && chance(30)) {
            const uint32_t control = model_.domains[place].entries[any_reference()].control;
            write_entry(place, any_reference(), control ^ uint32_t{1} << below(18), any_frame());
        }
    }
    void revoke() {
        const unsigned place = any_place();
        const unsigned reference = any_reference();
        if (!model_.domains[place].alive) {
            return;
        }
        const uint32_t control = model_.domains[place].entries[reference].control;
        const bool free = (control & (RINGFOLD_GRANT_READING | RINGFOLD_GRANT_WRITING)) == 0;
        EXPECT_EQ(GrantWorld::revoke(place, reference), free);
        if (free) {
            model_.domains[place].entries[reference].control = 0;
        }
    }

    // --- hypercalls ---
    void map() {
        unsigned borrower = 0;
        unsigned granter = 0;
        if (!pick_two(borrower, granter)) {
            return;
        }
        Domain &from = model_.domains[granter];
        Domain &to = model_.domains[borrower];
        const unsigned reference = any_reference();
        const bool writable = chance(60);
        ringfold_grant_map_element element{.domain = from.number,
                                           .flags = static_cast<uint16_t>(writable ? 0 : RINGFOLD_GRANT_MAP_READ_ONLY),
                                           .reference = reference};
        const Refusal expected = model_.use(from, reference, to, writable);
        const auto result =
            GrantWorld::retry([&] { return map_grant(world_.grants(borrower), element, GrantWorld::find); });
        const bool claimed = !expected.has_value() || *expected == Error::bad_frame || *expected == Error::busy;
        if (claimed) {
            model_.claim(from, reference, writable);
        }
        if (judge(result, expected, "map")) {
            EXPECT_EQ(element.frame, from.entries[reference].frame);
            EXPECT_FALSE(to.rights.contains(element.handle));
            to.rights.emplace(element.handle, GrantModel::Right{.granter = from.number,
                                                                .place = granter,
                                                                .reference = reference,
                                                                .frame = element.frame,
                                                                .writable = writable});
        } else if (claimed) {
            model_.unclaim(from, reference, writable);
        }
    }
    void unmap() {
        const unsigned place = any_place();
        Domain &domain = model_.domains[place];
        if (!domain.alive) {
            return;
        }
        uint32_t handle = static_cast<uint32_t>(below(1000));
        if (!domain.rights.empty() && chance(95)) {
            auto some = domain.rights.begin();
            std::advance(some, static_cast<long>(below(domain.rights.size())));
            handle = some->first;
        }
        const Refusal expected = model_.unmap(domain, handle);
        const auto result = unmap_grant(world_.grants(place), {.handle = handle});
        if (judge(result, expected, "unmap")) {
            model_.drop_right(domain, handle);
        }
    }
    void set() {
        const unsigned place = any_place();
        Domain &domain = model_.domains[place];
        if (!domain.alive) {
            return;
        }
        GrantModel::Slot wanted{.frame = any_frame(), .writable = chance(50)};
        if (!domain.rights.empty() && chance(60)) {
            auto some = domain.rights.begin();
            std::advance(some, static_cast<long>(below(domain.rights.size())));
            wanted.frame = some->second.frame;
        }
        if (chance(35)) {
            wanted = {};
        }
        const auto slot = static_cast<unsigned>(below(GrantModel::slots));
        const uint64_t value = wanted.frame == 0 ? 0
                               : wanted.writable ? GrantWorld::writable_entry(MachineFrame{wanted.frame})
                                                 : GrantWorld::read_only(MachineFrame{wanted.frame});
        if (judge(world_.set(place, slot, value), model_.set_slot(domain, wanted), "set")) {
            domain.mapped[slot] = wanted;
        }
    }

    struct CopySide {
        ringfold_grant_copy_end end;
        uint64_t frame;
        unsigned place;
        bool granted;
    };
    CopySide any_side(unsigned caller) {
        CopySide side{};
        side.end.offset = static_cast<uint16_t>(below(page_size));
        side.place = any_place();
        side.granted = side.place != caller && model_.domains[side.place].alive && chance(70);
        if (side.granted) {
            side.end.page = any_reference();
            side.end.domain = model_.domains[side.place].number;
            side.end.flags = RINGFOLD_GRANT_COPY_GRANTED;
            side.frame = model_.domains[side.place].entries[side.end.page].frame;
        } else {
            side.end.page = frame_for(model_.domains[caller]);
            side.frame = side.end.page;
        }
        return side;
    }
    Refusal judge_side(const CopySide &side, const Domain &caller, bool writable) {
        if (!side.granted) {
            return model_.own_end(caller, side.frame, writable);
        }
        Domain &granter = model_.domains[side.place];
        const auto reference = static_cast<unsigned>(side.end.page);
        const Refusal refusal = model_.use(granter, reference, caller, writable);
        if (!refusal.has_value() || *refusal == Error::bad_frame || *refusal == Error::busy) {
            model_.claim(granter, reference, writable);
            model_.unclaim(granter, reference, writable);
        }
        return refusal;
    }
    void copy() {
        const unsigned caller = any_place();
        const Domain &domain = model_.domains[caller];
        if (!domain.alive) {
            return;
        }
        const CopySide source = any_side(caller);
        const CopySide destination = any_side(caller);
        const uint64_t room = page_size - std::max(source.end.offset, destination.end.offset);
        const uint64_t length = below(10) == 0 ? room + 1 : below(room + 1);
        Refusal expected;
        if (length > room) {
            expected = Error::out_of_range;
        } else {
            expected = judge_side(source, domain, false);
            if (!expected.has_value()) {
                expected = judge_side(destination, domain, true);
            }
        }
        const ringfold_grant_copy_element segment{
            .source = source.end, .destination = destination.end, .length = static_cast<uint32_t>(length)};
        const auto result =
            GrantWorld::retry([&] { return copy_grant(world_.grants(caller), segment, GrantWorld::find); });
        if (judge(result, expected, "copy")) {
            std::memmove(model_.frames.at(destination.frame).bytes.data() + destination.end.offset,
                         model_.frames.at(source.frame).bytes.data() + source.end.offset, length);
        }
    }

    void transfer() {
        unsigned giver = 0;
        unsigned receiver = 0;
        if (!pick_two(giver, receiver)) {
            return;
        }
        Domain &from = model_.domains[giver];
        Domain &to = model_.domains[receiver];
        const unsigned reference = any_reference();
        const uint64_t frame = frame_for(from);
        Refusal expected = model_.begin_transfer(to, reference, from);
        const bool begun = !expected.has_value();
        if (begun) {
            expected = model_.move(to, from, frame);
        }
        const ringfold_grant_transfer_element element{.frame = frame, .domain = to.number, .reference = reference};
        const auto result =
            GrantWorld::retry([&] { return transfer_grant(world_.grants(giver), element, GrantWorld::find); });
        if (judge(result, expected, "transfer")) {
            model_.frames.at(frame).owner = to.number;
            to.entries[reference].frame = frame;
            to.entries[reference].control |= RINGFOLD_GRANT_TRANSFERRING | RINGFOLD_GRANT_TRANSFERRED;
        } else if (begun) {
            to.entries[reference].control &= ~RINGFOLD_GRANT_TRANSFERRING;
        }
        if (begun) {
            model_.unclaim(to, reference, false);
        }
    }

    void pin_or_unpin() {
        const unsigned place = any_place();
        const Domain &domain = model_.domains[place];
        if (!domain.alive) {
            return;
        }
        const uint64_t frame = frame_for(domain);
        GrantModel::Frame &pinned = model_.frames.at(frame);
        if (chance(50)) {
            const Refusal expected = !model_.owns(domain, frame) ? Refusal{Error::bad_frame}
                                     : pinned.pinned             ? std::nullopt
                                                                 : Refusal{Error::not_found};
            if (judge(world_.apply(place, {.operation = RINGFOLD_PAGE_TABLE_UNPIN, .address = frame}), expected,
                      "unpin")) {
                pinned.pinned = false;
            }
            return;
        }
        if (model_.owns(domain, frame) && !pinned.pinned && model_.uses_of(frame).writable == 0) {
            pinned.bytes.assign(page_size, 0);  // only what is no table can be written
            clear_frame(MachineFrame{frame});
        }
        if (judge(world_.apply(place, {.operation = RINGFOLD_PAGE_TABLE_PIN, .count = 1, .address = frame}),
                  model_.pin(domain, frame), "pin")) {
            pinned.pinned = true;
        }
    }

    void end_or_begin() {
        const unsigned place = any_place();
        if (model_.domains[place].alive) {
            if (chance(15)) {
                world_.end(place);
                model_.end(model_.domains[place]);
            }
        } else if (world_.can_begin(place)) {
            world_.begin(place);
            note_begun(place);
        } else if (chance(40)) {
            // What others have of its frames keeps it away: they end, too.
            for (unsigned other = 0; other < GrantModel::places; ++other) {
                if (model_.domains[other].alive) {
                    world_.end(other);
                    model_.end(model_.domains[other]);
                }
            }
        }
        world_.bury_husks();
    }

    void compare() {
        for (unsigned place = 0; place < GrantModel::places; ++place) {
            const Domain &domain = model_.domains[place];
            for (unsigned reference = 0; domain.alive && reference < GrantModel::references; ++reference) {
                const ringfold_grant_entry &entry = GrantWorld::entry(place, reference);
                ASSERT_EQ(entry.control, domain.entries[reference].control) << "entry " << reference << " of " << place;
                ASSERT_EQ(entry.frame, domain.entries[reference].frame);
            }
            if (domain.alive) {
                ASSERT_EQ(world_.memory(place).owned().raw(), model_.owned(domain));
                ASSERT_EQ(world_.grants(place).info().handles, domain.rights.size());
            }
        }
        for (const auto &[number, frame] : model_.frames) {
            if (!is_data(number)) {
                continue;
            }
            const FrameState state = MemoryWorld::state(MachineFrame{number});
            const auto uses = model_.uses_of(number);
            ASSERT_EQ(state.references(), frame.owner == 0 ? 0 : 1 + uses.all + (frame.pinned ? 1 : 0))
                << "frame " << number;
            ASSERT_EQ(state.type_count(), uses.writable + (frame.pinned ? 1 : 0)) << "frame " << number;
            if (frame.owner != 0) {
                ASSERT_EQ(frame_table::at(MachineFrame{number}).owner().raw(), frame.owner);
            }
        }
        ASSERT_EQ(world_.machine.check_caches(), "");
        ASSERT_EQ(world_.audit_findings(), 0U);
    }

    Random random_;
    GrantWorld world_;
    GrantModel model_;
    unsigned preemption_percent_ = 0;
};

TEST(GrantRandom, AgreesWithTheModel) {
    const char *given = std::getenv("RINGFOLD_OPERATIONS");
    const uint64_t operations = given != nullptr ? std::strtoull(given, nullptr, 0) : 12'000;
    const uint64_t seed = random_seed();
    std::fflush(stdout);
    uint64_t accepted = 0;
    std::map<Error, uint64_t> refused;
    for (uint64_t round = 0; round < 4 && !testing::Test::HasFailure(); ++round) {
        GrantRun run{seed + round};
        for (uint64_t done = 0; done < operations / 4 && !testing::Test::HasFailure(); ++done) {
            run.step();
            if (done % 100 == 0) {
                run.check_contents();
            }
            if (testing::Test::HasFailure()) {
                std::printf("at operation %llu of round %llu\n", static_cast<unsigned long long>(done),
                            static_cast<unsigned long long>(round));
            }
        }
        accepted += run.accepted;
        for (const auto &[error, count] : run.refused) {
            refused[error] += count;
        }
    }
    std::printf("%llu accepted\n", static_cast<unsigned long long>(accepted));
    EXPECT_GT(accepted, operations / 12);
    for (const Error error : {Error::not_found, Error::not_permitted, Error::access_denied, Error::bad_frame,
                              Error::busy, Error::out_of_range, Error::already_exists}) {
        std::printf("%llu refused with %d\n", static_cast<unsigned long long>(refused[error]), static_cast<int>(error));
        EXPECT_GT(refused[error], operations / 2000) << static_cast<int>(error);
    }
}

}  // namespace
}  // namespace ringfold::test
