// SPDX-License-Identifier: Apache-2.0
//
// Commands about network interfaces of running guests.
#include "dom0-tools/hvd/commands.hpp"

#include "dom0-tools/library/values.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace ringfold::tools {

namespace {

using nlohmann::json;

// What the configuration says of an interface; nullptr: nothing.
const NetworkConfig *configured(const Guest &guest, uint32_t number) {
    if (!guest.config) {
        return nullptr;
    }
    const auto found = std::ranges::find(guest.config->networks, number, &NetworkConfig::number);
    return found == guest.config->networks.end() ? nullptr : &*found;
}

json describe_network(const Guest &guest, const NetworkState &state) {
    const NetworkConfig *network = configured(guest, state.number);
    return {{"number", state.number},
            {"mac", network == nullptr || !network->address ? "" : network->address->text()},
            {"interface", interface_name(guest.id.raw(), state.number)},
            {"bridge", state.bridge},
            {"state", state.state},
            {"queues", state.queues},
            {"sent_packets", state.sent_packets},
            {"sent_bytes", state.sent_bytes},
            {"received_packets", state.received_packets},
            {"received_bytes", state.received_bytes}};
}

// By number, or by address.
Outcome<uint32_t> number_of(const Guest &guest, const std::string &text) {
    if (text.find(':') == std::string::npos) {
        return static_cast<uint32_t>(TRY(parse_number(text, 0, UINT16_MAX)));
    }
    const HardwareAddress address = TRY(parse_hardware_address(text));
    if (guest.config) {
        const auto found = std::ranges::find(guest.config->networks, address, &NetworkConfig::address);
        if (found != guest.config->networks.end()) {
            return found->number;
        }
    }
    return Failure{Kind::not_found, fmt::format("{} has no interface with mac {}", guest.name, text)};
}

}  // namespace

void give_addresses(const std::string &guest, std::vector<NetworkConfig> &networks) {
    for (NetworkConfig &network : networks) {
        if (!network.address) {
            network.address = generated_address(guest, network.number);
        }
    }
}

Commands::Result Commands::network_list(Arguments arguments) const {
    const GuestReference guest = TRY(guest_with_domain(arguments));
    json rows = json::array();
    for (const NetworkState &state : TRY(supervisor_->hypervisor().port().networks(guest->id))) {
        rows.push_back(describe_network(*guest, state));
    }
    return rows;
}

Commands::Result Commands::network_attach(Arguments arguments) {
    const GuestReference guest = TRY(guest_of(arguments));
    TRY(need_running(*guest));
    uint32_t first_free = 0;
    for (const NetworkState &state : TRY(supervisor_->hypervisor().port().networks(guest->id))) {
        first_free = std::max(first_free, state.number + 1);
    }
    std::vector<NetworkConfig> added{TRY(parse_network(arguments.value("network", ""), first_free))};
    give_addresses(guest->name, added);
    TRY(supervisor_->attach(guest, added.front()));
    return json{{"number", first_free},
                {"interface", interface_name(guest->id.raw(), first_free)},
                {"mac", added.front().address->text()}};
}

Commands::Result Commands::network_detach(Arguments arguments) {
    const GuestReference guest = TRY(guest_of(arguments));
    TRY(need_running(*guest));
    const uint32_t number = TRY(number_of(*guest, arguments.at("network").get<std::string>()));
    TRY(supervisor_->detach_network(guest, number, arguments.value("force", false)));
    return json{{"number", number}};
}

// Of one interface, or of all that the guest has.
Commands::Result Commands::network_reset(Arguments arguments) {
    const GuestReference guest = TRY(guest_of(arguments));
    TRY(need_running(*guest));
    HypercallPort &port = supervisor_->hypervisor().port();
    const std::string network = arguments.value("network", "");
    if (!network.empty()) {
        const uint32_t number = TRY(number_of(*guest, network));
        TRY(port.reset_network(guest->id, number));
        return json::object();
    }
    for (const NetworkState &state : TRY(port.networks(guest->id))) {
        TRY(port.reset_network(guest->id, state.number));
    }
    return json::object();
}

Outcome<void> Supervisor::attach(const GuestReference &guest, const NetworkConfig &network) {
    TRY(hypervisor_.port().add_network(guest->id, network));
    if (guest->config) {
        guest->config->networks.push_back(network);
        save(*guest);
    }
    note("network-attached", guest.get(), {{"number", network.number}, {"bridge", network.bridge}});
    return {};
}

Outcome<void> Supervisor::detach_network(const GuestReference &guest, uint32_t number, bool force) {
    TRY(hypervisor_.port().remove_network(guest->id, number, force));
    if (guest->config) {
        std::erase_if(guest->config->networks, [&](const NetworkConfig &old) { return old.number == number; });
        save(*guest);
    }
    note("network-detached", guest.get(), {{"number", number}, {"force", force}});
    return {};
}

}  // namespace ringfold::tools
