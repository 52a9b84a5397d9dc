// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/network_bridge.hpp"

#include "dom0-tools/library/descriptor.hpp"

#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <fmt/core.h>

#include <cerrno>
#include <filesystem>

namespace ringfold::tools {

namespace {

ifreq request_for(const std::string &interface) {
    ifreq request{};
    interface.copy(request.ifr_name, IFNAMSIZ - 1);
    return request;
}

Outcome<void> join(int socket, const std::string &interface, const std::string &bridge) {
    ifreq request = request_for(bridge);
    request.ifr_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
    if (ioctl(socket, SIOCBRADDIF, &request) == 0) {
        return {};
    }
    const int error = errno;
    if (error == ENODEV || error == EOPNOTSUPP) {
        return Failure{Kind::not_found,
                       fmt::format("there is no bridge {}; `ip link add {} type bridge` makes one", bridge, bridge)};
    }
    return system_failure(fmt::format("adding {} to bridge {}", interface, bridge), error);
}

Outcome<void> bring_up(int socket, const std::string &interface) {
    ifreq request = request_for(interface);
    if (ioctl(socket, SIOCGIFFLAGS, &request) == 0) {
        request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
        if (ioctl(socket, SIOCSIFFLAGS, &request) == 0) {
            return {};
        }
    }
    return system_failure(fmt::format("bringing {} up", interface), errno);
}

}  // namespace

Outcome<void> plug_in(const std::string &interface, const std::string &bridge) {
    const Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket.is_open()) {
        return system_failure("a socket", errno);
    }
    if (!bridge.empty()) {
        TRY(join(socket.number(), interface, bridge));
    }
    return bring_up(socket.number(), interface);
}

std::string bridge_of(const std::string &interface) {
    std::error_code error;
    const std::filesystem::path master =
        std::filesystem::read_symlink("/sys/class/net/" + interface + "/master", error);
    return error ? std::string{} : master.filename().string();
}

}  // namespace ringfold::tools
