// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/hvd/guest.hpp"

#include "dom0-tools/library/descriptor.hpp"
#include "dom0-tools/library/mapped_file.hpp"

#include <fcntl.h>
#include <fmt/core.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace ringfold::tools {

namespace {

constexpr const char *record_suffix = ".json";
constexpr const char *frames_suffix = ".frames";
constexpr const char *temporary_suffix = ".new";

struct PhaseName {
    Phase phase;
    std::string_view name;
};

constexpr std::array phases{PhaseName{Phase::building, "building"}, PhaseName{Phase::running, "running"},
                            PhaseName{Phase::ended, "ended"}, PhaseName{Phase::restarting, "restarting"},
                            PhaseName{Phase::dying, "dying"}};

nlohmann::json record_of(const Guest &guest) {
    return {{"key", guest.key},
            {"name", guest.name},
            {"id", guest.id.raw()},
            {"phase", name_of(guest.phase)},
            {"life", guest.life},
            {"quick_ends", guest.quick_ends},
            {"started", guest.started},
            {"paused", guest.paused},
            {"debugged", guest.debugged},
            {"throw_away", guest.throw_away},
            {"map", {guest.map.first_frame, guest.map.entries, guest.map.start_info}},
            {"memory_target", guest.memory_target.raw()},
            {"config", guest.config ? to_json(*guest.config) : nlohmann::json{}},
            {"directory", guest.directory.string()}};
}

Outcome<Guest> guest_from(std::string_view text) {
    Guest guest;
    try {
        const nlohmann::json record = nlohmann::json::parse(text);
        guest.key = record.at("key").get<std::string>();
        guest.name = record.at("name").get<std::string>();
        guest.id = DomainId{record.at("id").get<uint16_t>()};
        guest.phase = phase_named(record.at("phase").get<std::string>()).value_or(Phase::running);
        guest.life = record.at("life").get<uint64_t>();
        guest.quick_ends = record.at("quick_ends").get<uint64_t>();
        guest.started = record.at("started").get<uint64_t>();
        guest.paused = record.at("paused").get<bool>();
        guest.debugged = record.value("debugged", false);
        guest.throw_away = record.value("throw_away", false);
        guest.directory = record.at("directory").get<std::string>();
        if (record.contains("map")) {  // what an older hvd wrote has none, or one without the start info
            const nlohmann::json &map = record.at("map");
            guest.map = {.first_frame = map.at(0).get<uint64_t>(),
                         .entries = map.at(1).get<uint64_t>(),
                         .start_info = map.size() > 2 ? map.at(2).get<uint64_t>() : 0};
            guest.memory_target = FrameCount{record.at("memory_target").get<uint64_t>()};
        }
        if (!record.at("config").is_null()) {
            guest.config = TRY(config_from_json(record.at("config")));
        }
    } catch (const nlohmann::json::exception &exception) {
        return Failure{Kind::failed, exception.what()};
    }
    return guest;
}

}  // namespace

std::string_view name_of(Phase phase) {
    for (const PhaseName &row : phases) {
        if (row.phase == phase) {
            return row.name;
        }
    }
    return {};
}

std::optional<Phase> phase_named(std::string_view name) {
    for (const PhaseName &row : phases) {
        if (row.name == name) {
            return row.phase;
        }
    }
    return std::nullopt;
}

Outcome<void> need_domain(const Guest &guest) {
    return guest.has_domain()
               ? Outcome<void>{}
               : Failure{Kind::busy, fmt::format("{} has no domain now: it is {}", guest.name, name_of(guest.phase))};
}

Outcome<void> need_running(const Guest &guest) {
    return guest.phase == Phase::running
               ? Outcome<void>{}
               : Failure{Kind::busy, fmt::format("{} does not run: it is {}", guest.name, name_of(guest.phase))};
}

Outcome<void> write_file(const std::filesystem::path &path, std::string_view content) {
    const std::string temporary = path.string() + temporary_suffix;
    {
        const Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
        while (file.is_open() && !content.empty()) {
            const ssize_t written = ::write(file.number(), content.data(), content.size());
            if (written < 0) {
                break;
            }
            content.remove_prefix(static_cast<std::size_t>(written));
        }
        if (!file.is_open() || !content.empty() || fdatasync(file.number()) < 0) {
            return system_failure(temporary, errno);
        }
    }
    return std::rename(temporary.c_str(), path.c_str()) == 0 ? Outcome<void>{} : system_failure(path.string(), errno);
}

std::filesystem::path GuestRecords::path_of(const Guest &guest, const char *suffix) const {
    return directory_ / (guest.key + suffix);
}

Outcome<void> GuestRecords::save(const Guest &guest) const {
    return write_file(path_of(guest, record_suffix), record_of(guest).dump(2) + "\n");
}

void GuestRecords::remove(const Guest &guest) const {
    std::error_code ignored;  // what is not there need not be removed
    std::filesystem::remove(path_of(guest, record_suffix), ignored);
    std::filesystem::remove(path_of(guest, frames_suffix), ignored);
}

Outcome<void> GuestRecords::save_frames(const Guest &guest) const {
    return write_file(path_of(guest, frames_suffix),
                      {reinterpret_cast<const char *>(guest.frames.data()), guest.frames.size() * sizeof(uint64_t)});
}

std::vector<uint64_t> GuestRecords::load_frames(const Guest &guest) const {
    const Outcome<MappedFile> file = MappedFile::open(path_of(guest, frames_suffix));
    std::vector<uint64_t> frames;
    if (file.ok()) {
        const auto bytes = file.value().bytes();
        frames.resize(bytes.size() / sizeof(uint64_t));
        if (!frames.empty()) {
            std::memcpy(frames.data(), bytes.data(), frames.size() * sizeof(uint64_t));
        }
    }
    return frames;
}

void GuestRecords::sweep() const {
    std::vector<std::filesystem::path> left;
    std::error_code error;
    for (const auto &entry : std::filesystem::directory_iterator(directory_, error)) {
        const std::filesystem::path &path = entry.path();
        const bool is_half_written = path.extension() == temporary_suffix;
        const bool has_no_record =
            path.extension() == frames_suffix &&
            !std::filesystem::exists(std::filesystem::path{path}.replace_extension(record_suffix));
        if (is_half_written || has_no_record) {
            left.push_back(path);
        }
    }
    for (const std::filesystem::path &path : left) {
        std::filesystem::remove(path, error);
    }
}

std::vector<Guest> GuestRecords::load(std::vector<Failure> &damaged) const {
    std::vector<Guest> guests;
    std::error_code error;
    for (const auto &entry : std::filesystem::directory_iterator(directory_, error)) {
        if (entry.path().extension() != record_suffix) {
            continue;
        }
        const Outcome<MappedFile> file = MappedFile::open(entry.path());
        Outcome<Guest> guest = file.ok() ? guest_from(file.value().text()) : Outcome<Guest>{file.error()};
        if (guest.ok()) {
            guest.value().frames = load_frames(guest.value());
            guests.push_back(guest.take());
        } else {
            damaged.push_back(during(entry.path().string(), guest.error()));
        }
    }
    return guests;
}

}  // namespace ringfold::tools
