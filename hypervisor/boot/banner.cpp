// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/boot/banner.hpp"

#include "hypervisor/boot/build_id.hpp"
#include "hypervisor/lib/log.hpp"

#include <array>

namespace ringfold {

namespace {

void log_memory(const BootInformation &information) {
    uint64_t available = 0;
    for (const MemoryRange &range : information.memory) {
        log_info("memory: {:#014x} - {:#014x} {}", range.begin, range.end, name_of(range.type));
        available += range.type == MemoryType::available ? range.size() : 0;
    }
    log_info("memory: {} MiB available", available >> 20);
}

void log_modules(const BootInformation &information) {
    for (const BootModule &module : information.modules) {
        log_info("module: {:#x} - {:#x} \"{}\"", module.begin, module.end, information.text_of(module));
    }
}

void log_features(const CpuFeatures &features) {
    log_info("processor: {} ({})", features.brand(), features.vendor());
    std::array<char, 160> storage_present;
    std::array<char, 160> storage_missing;
    FormatBuffer present{storage_present};
    FormatBuffer missing{storage_missing};
    for (const NamedFeature &feature : list_features(features)) {
        FormatBuffer &list = feature.present ? present : missing;
        format_to(list, "{}{}", list.view().empty() ? "" : ", ", feature.name);
    }
    log_info("processor: has {}", present.view());
    log_info("processor: lacks {}", missing.view().empty() ? "nothing that is of use" : missing.view());
}

}  // namespace

void log_banner(const BootInformation &information, const CpuFeatures &features) {
    log_info("Ringfold {} (build {:016x}, {})", version_text(), build_id_prefix(), compiler_text());
    log_info("loaded by {}, command line: {}", information.loader(), information.command_line());
    log_features(features);
    log_memory(information);
    log_modules(information);
}

}  // namespace ringfold
