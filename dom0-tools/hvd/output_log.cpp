// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/hvd/output_log.hpp"

#include "dom0-tools/library/values.hpp"

#include <fcntl.h>
#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <limits>

namespace ringfold::tools {

namespace {

constexpr std::size_t digits = 20;

}  // namespace

std::filesystem::path OutputLog::path_of(uint64_t begin) const {
    return directory_ / fmt::format("{}.{:020}", stem_, begin);
}

Outcome<OutputLog> OutputLog::open(const std::filesystem::path &directory, const std::string &stem,
                                   OutputLimits limits) {
    OutputLog log(directory, stem, limits);
    TRY(log.find_pieces());
    return log;
}

Outcome<void> OutputLog::find_pieces() {
    std::error_code error;
    for (const auto &entry : std::filesystem::directory_iterator(directory_, error)) {
        const std::string name = entry.path().filename();
        if (!name.starts_with(stem_ + ".") || name.size() != stem_.size() + 1 + digits) {
            continue;
        }
        const auto begin =
            parse_number(std::string_view{name}.substr(stem_.size() + 1), 0, std::numeric_limits<uint64_t>::max());
        if (begin.ok()) {
            pieces_.push_back({begin.value(), std::filesystem::file_size(entry.path(), error)});
        }
    }
    if (error) {
        return system_failure(directory_.string(), error.value());
    }
    std::ranges::sort(pieces_, {}, &Piece::begin);
    if (!pieces_.empty()) {
        end_ = pieces_.back().begin + pieces_.back().size;
        file_ = Descriptor(::open(path_of(pieces_.back().begin).c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    }
    return {};
}

Outcome<void> OutputLog::begin_piece(uint64_t position) {
    const auto path = path_of(position);
    file_ = Descriptor(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (!file_.is_open()) {
        return system_failure(path.string(), errno);
    }
    if (pieces_.empty() || pieces_.back().begin != position) {
        pieces_.push_back({position, 0});
    }
    end_ = position;
    while (pieces_.size() > limits_.files) {
        std::error_code ignored;  // one that is gone already is gone
        std::filesystem::remove(path_of(pieces_.front().begin), ignored);
        pieces_.pop_front();
    }
    return {};
}

Outcome<void> OutputLog::write(std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(file_.number(), text.data(), text.size());
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return system_failure(path_of(pieces_.back().begin).string(), errno);
        }
        text.remove_prefix(static_cast<std::size_t>(written));
        pieces_.back().size += static_cast<uint64_t>(written);
        end_ += static_cast<uint64_t>(written);
    }
    return {};
}

Outcome<void> OutputLog::append(uint64_t begin, std::string_view text) {
    if (begin < end_) {  // known already
        text.remove_prefix(std::min<uint64_t>(end_ - begin, text.size()));
        begin = end_;
    }
    if (text.empty()) {
        return {};
    }
    if (!file_.is_open() || begin != end_) {
        TRY(begin_piece(begin));
    }
    while (!text.empty()) {
        if (pieces_.back().size >= limits_.file_size) {
            TRY(begin_piece(end_));
        }
        const std::string_view part = text.substr(0, limits_.file_size - pieces_.back().size);
        TRY(write(part));
        text.remove_prefix(part.size());
    }
    return {};
}

Outcome<OutputPart> OutputLog::read(uint64_t position, std::size_t most) const {
    const auto holds = [position](const Piece &piece) { return position < piece.begin + piece.size; };
    const auto piece = std::ranges::find_if(pieces_, holds);
    OutputPart part{std::max(position, end_), std::max(position, end_), {}};
    if (piece == pieces_.end()) {
        return part;
    }
    part.begin = std::max(position, piece->begin);
    const auto path = path_of(piece->begin);
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    part.text.resize(std::min<uint64_t>(most, piece->begin + piece->size - part.begin));
    const ssize_t size = file.is_open() ? pread(file.number(), part.text.data(), part.text.size(),
                                                static_cast<off_t>(part.begin - piece->begin))
                                        : -1;
    if (size < 0) {
        return system_failure(path.string(), errno);
    }
    part.text.resize(static_cast<std::size_t>(size));
    // A file that somebody cut is passed over.
    part.next = size == 0 ? piece->begin + piece->size : part.begin + part.text.size();
    return part;
}

Outcome<std::string> OutputLog::text_from(uint64_t position) const {
    constexpr std::size_t at_once = 65536;
    std::string text;
    while (position < end_) {
        const OutputPart part = TRY(read(position, at_once));
        if (part.begin > position) {
            text += fmt::format("[{} bytes are lost]\n", part.begin - position);
        }
        text += part.text;
        position = part.next;
    }
    return text;
}

}  // namespace ringfold::tools
