// SPDX-License-Identifier: Apache-2.0
//
// Event channels of several domains against a model, under random operations: every result, every bit and every upcall
// must be the model's. So no event is lost and none invented, whatever order binds, closes, moves and ends come in.
#include "tests/unit/event_world.hpp"
#include "tests/unit/random_seed.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <random>

namespace ringfold::test {
namespace {

constexpr unsigned domain_count = 4;
constexpr unsigned vcpu_count = 3;
constexpr uint32_t limit = 14;

struct ModelPort {
    PortKind kind = PortKind::unbound;
    unsigned vcpu = 0;
    unsigned domain = 0;     // interdomain: index of the other domain
    uint16_t domain_id = 0;  // unbound, interdomain: its number, which no two domains of this test have
    uint32_t source = 0;
    bool pending = false;
    bool masked = false;
    bool awaits_end = false;  // physical
    bool level = false;
    uint8_t vector = 0;  // message
};

struct ModelDomain {
    uint16_t id = 0;
    std::map<uint32_t, ModelPort> ports;
    std::array<bool, vcpu_count> upcall{};

    [[nodiscard]] uint32_t lowest_free() const {
        uint32_t port = 1;
        while (ports.contains(port)) {
            ++port;
        }
        return port;
    }
    [[nodiscard]] ModelPort *find(uint32_t port) {
        const auto found = ports.find(port);
        return found == ports.end() ? nullptr : &found->second;
    }
    [[nodiscard]] bool has(PortKind kind, uint32_t source, std::optional<unsigned> vcpu) const {
        return std::any_of(ports.begin(), ports.end(), [&](const auto &pair) {
            const ModelPort &port = pair.second;
            return port.kind == kind && port.source == source && (!vcpu.has_value() || port.vcpu == *vcpu);
        });
    }
    void raise(ModelPort &port) {
        if (!port.pending) {
            port.pending = true;
            if (!port.masked) {
                upcall[port.vcpu] = true;
            }
        }
    }
};

class EventRandomTest : public testing::Test {
  protected:
    EventRandomTest() {
        for (unsigned index = 0; index < domain_count; ++index) {
            create(index);
        }
    }

    void create(unsigned index) {
        real_[index] = &world_.add(vcpu_count, limit);
        model_[index] = ModelDomain{};
        model_[index].id = real_[index]->events.id.raw();
    }

    uint64_t pick(uint64_t choices) { return random_() % choices; }
    uint32_t pick_port() { return static_cast<uint32_t>(pick(limit + 3)); }
    // Sometimes one that there is not.
    uint8_t pick_vcpu() { return static_cast<uint8_t>(pick(8) == 0 ? vcpu_count + pick(200) : pick(vcpu_count)); }

    // What a bind answers that nothing else refuses.
    [[nodiscard]] std::optional<Error> bind_error(const ModelDomain &domain, unsigned vcpu) const {
        if (vcpu >= vcpu_count) {
            return Error::not_found;
        }
        return domain.lowest_free() > limit ? std::optional{Error::limit_reached} : std::nullopt;
    }

    template <typename T>
    static void expect_error(const Result<T> &result, std::optional<Error> error, const char *what) {
        ASSERT_EQ(result.ok(), !error.has_value()) << what;
        if (error.has_value()) {
            ASSERT_EQ(result.error(), *error) << what;
        }
    }

    void expect_bound(const Result<Port> &result, std::optional<Error> error, ModelDomain &domain,
                      const ModelPort &port, const char *what) {
        expect_error(result, error, what);
        if (result.ok()) {
            ASSERT_EQ(result.value().raw(), domain.lowest_free()) << what;
            domain.ports.emplace(result.value().raw(), port);
        }
    }

    void offer(unsigned d) {
        const unsigned remote = static_cast<unsigned>(pick(domain_count));
        const uint8_t vcpu = pick_vcpu();
        expect_bound(offer_port(real_[d]->events, real_[remote]->events, vcpu), bind_error(model_[d], vcpu), model_[d],
                     {.kind = PortKind::unbound, .vcpu = vcpu, .domain_id = model_[remote].id}, "offer");
    }

    void connect(unsigned d) {
        const unsigned remote = static_cast<unsigned>(pick(domain_count));
        const uint32_t remote_port = pick_port();
        const uint8_t vcpu = pick_vcpu();
        std::optional<Error> error = bind_error(model_[d], vcpu);
        ModelPort *const offered = model_[remote].find(remote_port);
        // Its own port is taken before the other one is looked at: to one of the same domain that is then seen bound.
        if (!error.has_value() &&
            (offered == nullptr || offered->kind != PortKind::unbound || offered->domain_id != model_[d].id)) {
            error = Error::not_found;
        }
        const uint32_t port = model_[d].lowest_free();
        expect_bound(connect_port(real_[d]->events, real_[remote]->events, Port{remote_port}, vcpu), error, model_[d],
                     {.kind = PortKind::interdomain,
                      .vcpu = vcpu,
                      .domain = remote,
                      .domain_id = model_[remote].id,
                      .source = remote_port},
                     "connect");
        if (!error.has_value()) {
            offered->kind = PortKind::interdomain;
            offered->domain = d;
            offered->source = port;
        }
    }

    void bind_virtual(unsigned d) {
        const auto irq = static_cast<uint32_t>(pick(RINGFOLD_VIRTUAL_IRQS));
        const uint8_t vcpu = pick_vcpu();
        std::optional<Error> error = bind_error(model_[d], vcpu);
        const auto for_vcpu = is_per_vcpu(static_cast<VirtualIrq>(irq)) ? std::optional<unsigned>{vcpu} : std::nullopt;
        if (vcpu < vcpu_count && model_[d].has(PortKind::virtual_irq, irq, for_vcpu)) {
            error = Error::already_exists;
        }
        expect_bound(bind_virtual_irq(real_[d]->events, static_cast<VirtualIrq>(irq), vcpu), error, model_[d],
                     {.kind = PortKind::virtual_irq, .vcpu = vcpu, .source = irq}, "bind virtual");
    }

    void bind_physical(unsigned d) {
        const auto gsi = static_cast<uint32_t>(pick(EventWorld::lines + 4));
        const uint8_t vcpu = pick_vcpu();
        const bool level = pick(2) == 0;
        std::optional<Error> error = bind_error(model_[d], vcpu);
        if (!error.has_value()) {
            if (std::any_of(model_.begin(), model_.end(), [gsi](const ModelDomain &domain) {
                    return domain.has(PortKind::physical_irq, gsi, std::nullopt);
                })) {
                error = Error::already_exists;
            } else if (gsi >= EventWorld::lines) {
                error = Error::not_found;
            }
        }
        const InterruptWiring wiring{.trigger = level ? TriggerMode::level : TriggerMode::edge};
        expect_bound(bind_physical_irq(real_[d]->events, gsi, wiring, vcpu), error, model_[d],
                     {.kind = PortKind::physical_irq, .vcpu = vcpu, .source = gsi, .level = level}, "bind physical");
    }

    void bind_to_message(unsigned d) {
        const uint8_t vcpu = pick_vcpu();
        ringfold_event_message message{};
        const std::optional<Error> error = bind_error(model_[d], vcpu);
        const Result<Port> bound = bind_message(real_[d]->events, vcpu, message);
        expect_bound(bound, error, model_[d],
                     {.kind = PortKind::message, .vcpu = vcpu, .vector = static_cast<uint8_t>(message.data)},
                     "bind message");
        ASSERT_EQ(message.address != 0, !error.has_value());
    }

    // Some device writes its message.
    void write_message(unsigned d) {
        for (auto &[number, port] : model_[d].ports) {
            if (port.kind == PortKind::message && pick(2) == 0) {
                ASSERT_TRUE(deliver_physical_irq(port.vector));
                model_[d].raise(port);
            }
        }
    }

    void bind_to_vcpu(unsigned d) {
        const uint8_t vcpu = pick_vcpu();
        expect_bound(bind_ipi(real_[d]->events, vcpu), bind_error(model_[d], vcpu), model_[d],
                     {.kind = PortKind::ipi, .vcpu = vcpu}, "bind ipi");
    }

    void raise_virtual(unsigned d) {
        const auto irq = static_cast<VirtualIrq>(pick(RINGFOLD_VIRTUAL_IRQS));
        const auto vcpu = static_cast<unsigned>(pick(vcpu_count));
        if (is_per_vcpu(irq)) {
            raise_virtual_irq(real_[d]->events, real_[d]->vcpu(vcpu).events, irq);
        } else {
            raise_virtual_irq(real_[d]->events, irq);
        }
        for (auto &[number, port] : model_[d].ports) {
            if (port.kind == PortKind::virtual_irq && port.source == static_cast<uint32_t>(irq) &&
                (!is_per_vcpu(irq) || port.vcpu == vcpu)) {
                model_[d].raise(port);
            }
        }
    }

    void fire() {
        const auto gsi = static_cast<uint32_t>(pick(EventWorld::lines));
        world_.fire(gsi);
        for (ModelDomain &domain : model_) {
            for (auto &[number, port] : domain.ports) {
                if (port.kind == PortKind::physical_irq && port.source == gsi && !port.awaits_end) {
                    domain.raise(port);
                    port.awaits_end = port.level;
                }
            }
        }
    }

    void end_interrupt(unsigned d) {
        const uint32_t number = pick_port();
        ModelPort *const port = model_[d].find(number);
        std::optional<Error> error;
        if (port == nullptr) {
            error = Error::not_found;
        } else if (port->kind != PortKind::physical_irq) {
            error = Error::invalid_argument;
        } else {
            port->awaits_end = false;
        }
        expect_error(end_physical_irq(real_[d]->events, Port{number}), error, "end of interrupt");
    }

    void send(unsigned d) {
        const uint32_t number = pick_port();
        const Result<bool> sent = send_event(real_[d]->events, Port{number});
        ModelPort *const port = model_[d].find(number);
        if (port == nullptr) {
            expect_error(sent, Error::not_found, "send");
            return;
        }
        if (port->kind == PortKind::virtual_irq || port->kind == PortKind::physical_irq ||
            port->kind == PortKind::message) {
            expect_error(sent, Error::invalid_argument, "send");
            return;
        }
        expect_error(sent, std::nullopt, "send");
        ASSERT_EQ(sent.value(), port->kind != PortKind::unbound);
        if (port->kind == PortKind::ipi) {
            model_[d].raise(*port);
        } else if (port->kind == PortKind::interdomain) {
            model_[port->domain].raise(*model_[port->domain].find(port->source));
        }
    }

    void forget(unsigned d, uint32_t number) {
        const ModelPort port = model_[d].ports.at(number);
        model_[d].ports.erase(number);
        if (port.kind == PortKind::interdomain) {
            ModelPort &other = *model_[port.domain].find(port.source);
            other.kind = PortKind::unbound;
            other.source = 0;
            model_[port.domain].raise(other);
        }
    }

    void close(unsigned d) {
        const uint32_t number = pick_port();
        const bool exists = model_[d].find(number) != nullptr;
        expect_error(close_port(real_[d]->events, Port{number}),
                     exists ? std::nullopt : std::optional{Error::not_found}, "close");
        if (exists) {
            forget(d, number);
        }
    }

    void mask(unsigned d) {
        const uint32_t number = pick_port();
        ModelPort *const port = model_[d].find(number);
        const auto error = port != nullptr ? std::nullopt : std::optional{Error::not_found};
        if (pick(2) == 0) {
            expect_error(mask_port(real_[d]->events, Port{number}), error, "mask");
            if (port != nullptr) {
                port->masked = true;
            }
            return;
        }
        expect_error(unmask_port(real_[d]->events, Port{number}), error, "unmask");
        if (port != nullptr) {
            port->masked = false;
            if (port->pending) {
                model_[d].upcall[port->vcpu] = true;
            }
        }
    }

    void move(unsigned d) {
        const uint32_t number = pick_port();
        const uint8_t vcpu = pick_vcpu();
        ModelPort *const port = model_[d].find(number);
        std::optional<Error> error;
        if (port == nullptr || vcpu >= vcpu_count) {
            error = Error::not_found;
        } else if (port->kind == PortKind::ipi ||
                   (port->kind == PortKind::virtual_irq && is_per_vcpu(static_cast<VirtualIrq>(port->source)))) {
            error = Error::invalid_argument;
        }
        expect_error(move_port(real_[d]->events, Port{number}, vcpu), error, "move");
        if (!error.has_value() && port->vcpu != vcpu) {
            port->vcpu = vcpu;
            if (std::exchange(port->pending, false)) {
                model_[d].raise(*port);
            }
        }
    }

    // A vCPU looks for events: all of the model's, once each, and no other.
    void drain(unsigned d) {
        const auto number = static_cast<unsigned>(pick(vcpu_count));
        SimulatedEventVcpu &vcpu = real_[d]->vcpu(number);
        ASSERT_EQ(vcpu.has_upcall(), model_[d].upcall[number]);
        std::multiset<uint32_t> expected;
        for (auto &[name, port] : model_[d].ports) {
            if (port.vcpu == number && port.pending && !port.masked) {
                port.pending = false;
                expected.insert(name);
            }
        }
        model_[d].upcall[number] = false;
        ASSERT_EQ(vcpu.drain(), expected);
    }

    void restart_vcpu(unsigned d) {
        const auto number = static_cast<unsigned>(pick(vcpu_count));
        SimulatedEventVcpu &vcpu = real_[d]->vcpu(number);
        const bool selected = vcpu.page.events.selector != 0;
        auto state = real_[d]->events.lock();
        vcpu.events.move_to(nullptr);
        std::memset(static_cast<void *>(&vcpu.page), 0, sizeof vcpu.page);
        vcpu.events.move_to(&vcpu.page);
        model_[d].upcall[number] = selected;
    }

    void die(unsigned d) {
        while (!model_[d].ports.empty()) {
            forget(d, model_[d].ports.begin()->first);
        }
        while (!close_all_ports(real_[d]->events).ok()) {
        }
        expect_error(bind_ipi(real_[d]->events, 0), Error::not_found, "binding in a domain that goes");
        world_.remove(*real_[d]);
        create(d);
    }

    void compare(unsigned d) {
        const ringfold_event_limits limits = real_[d]->events.lock()->limits();
        ASSERT_EQ(limits.ports_bound, model_[d].ports.size());
        ASSERT_EQ(limits.port_limit, limit);
        for (const auto &[number, port] : model_[d].ports) {
            const ringfold_event_status status = real_[d]->status(Port{number});
            ASSERT_EQ(status.kind, static_cast<uint32_t>(port.kind));
            ASSERT_EQ(status.vcpu, port.vcpu);
            ASSERT_EQ(status.source, port.source);
            ASSERT_EQ(status.domain, port.domain_id);
            ASSERT_EQ(status.pending, port.pending ? 1U : 0U) << "port " << number;
            ASSERT_EQ(status.masked, port.masked ? 1U : 0U);
            if (port.kind == PortKind::physical_irq) {
                ASSERT_EQ(world_.is_open(port.source), !port.awaits_end);
            }
        }
        for (unsigned vcpu = 0; vcpu < vcpu_count; ++vcpu) {
            ASSERT_EQ(real_[d]->vcpu(vcpu).has_upcall(), model_[d].upcall[vcpu]) << "vCPU " << vcpu;
        }
    }

    void step() {
        const auto d = static_cast<unsigned>(pick(domain_count));
        switch (pick(18)) {
            case 0:
            case 1:
                return offer(d);
            case 2:
            case 3:
                return connect(d);
            case 4:
                return bind_virtual(d);
            case 5:
                return bind_physical(d);
            case 6:
                return bind_to_vcpu(d);
            case 7:
                return raise_virtual(d);
            case 8:
                return fire();
            case 9:
                return end_interrupt(d);
            case 10:
                return close(d);
            case 11:
                return mask(d);
            case 12:
                return move(d);
            case 13:
                return drain(d);
            case 14:
                return pick(50) == 0 ? die(d) : pick(10) == 0 ? restart_vcpu(d) : send(d);
            case 15:
                return bind_to_message(d);
            case 16:
                return write_message(d);
            default:
                return send(d);
        }
    }

    EventWorld world_;
    std::mt19937_64 random_{random_seed()};
    std::array<SimulatedEventDomain *, domain_count> real_{};
    std::array<ModelDomain, domain_count> model_;
};

TEST_F(EventRandomTest, EveryOperationIsTheModels) {
    constexpr unsigned steps = 400'000;
    world_.machine.preemption_due = [this] { return pick(3) == 0; };
    for (unsigned count = 0; count < steps && !HasFatalFailure(); ++count) {
        step();
        if (!HasFatalFailure() && count % 8 == 0) {
            compare(static_cast<unsigned>(pick(domain_count)));
        }
    }
    EXPECT_EQ(world_.stray_interrupts(), 0U);
}

}  // namespace
}  // namespace ringfold::test
