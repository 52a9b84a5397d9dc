// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/gdb_packet.hpp"

#include <fmt/core.h>

#include <charconv>

namespace ringfold::tools {

namespace {

constexpr char interrupt_byte = 3;
constexpr char escape = '}';
constexpr char escape_bit = 0x20;
constexpr std::size_t checksum_digits = 2;

uint8_t checksum_of(std::string_view bytes) {
    unsigned sum = 0;
    for (const char byte : bytes) {
        sum += static_cast<uint8_t>(byte);
    }
    return static_cast<uint8_t>(sum);
}

std::string unescape(std::string_view bytes) {
    std::string content;
    for (std::size_t index = 0; index < bytes.size(); ++index) {
        const bool escaped = bytes[index] == escape && index + 1 < bytes.size();
        content += escaped ? static_cast<char>(bytes[++index] ^ escape_bit) : bytes[index];
    }
    return content;
}

}  // namespace

std::optional<GdbEvent> GdbReader::next() {
    const std::size_t begin = pending_.find_first_of("$\x03");
    pending_.erase(0, begin);  // acknowledgements
    if (pending_.empty()) {
        return std::nullopt;
    }
    if (pending_[0] == interrupt_byte) {
        pending_.erase(0, 1);
        return GdbEvent{GdbInput::interrupt, {}};
    }
    const std::size_t end = pending_.find('#');
    if (end == std::string::npos || pending_.size() < end + 1 + checksum_digits) {
        return std::nullopt;
    }
    const std::string body = pending_.substr(1, end - 1);
    std::string_view digits = std::string_view{pending_}.substr(end + 1, checksum_digits);
    const bool good = take_hex(digits) == checksum_of(body);
    pending_.erase(0, end + 1 + checksum_digits);
    return good ? GdbEvent{GdbInput::packet, unescape(body)} : GdbEvent{GdbInput::damaged, {}};
}

std::string gdb_packet(std::string_view content) {
    std::string body;
    for (const char byte : content) {
        if (byte == '$' || byte == '#' || byte == escape || byte == '*') {
            body += escape;
            body += static_cast<char>(byte ^ escape_bit);
        } else {
            body += byte;
        }
    }
    return fmt::format("${}#{:02x}", body, checksum_of(body));
}

std::string hex_bytes(std::span<const std::byte> bytes) {
    std::string digits;
    for (const std::byte byte : bytes) {
        digits += fmt::format("{:02x}", static_cast<uint8_t>(byte));
    }
    return digits;
}

std::string hex_little_endian(uint64_t value, unsigned bytes) {
    std::string digits;
    for (unsigned byte = 0; byte < bytes; ++byte) {
        digits += fmt::format("{:02x}", static_cast<uint8_t>(value >> (8 * byte)));
    }
    return digits;
}

std::optional<std::string> parse_hex_bytes(std::string_view digits) {
    std::string bytes;
    if (digits.size() % 2 != 0) {
        return std::nullopt;
    }
    for (; !digits.empty(); digits.remove_prefix(2)) {
        std::string_view pair = digits.substr(0, 2);
        const std::optional<uint64_t> byte = take_hex(pair);
        if (!byte || !pair.empty()) {
            return std::nullopt;
        }
        bytes += static_cast<char>(*byte);
    }
    return bytes;
}

std::optional<uint64_t> take_hex(std::string_view &text) {
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
    if (error != std::errc{}) {
        return std::nullopt;
    }
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return number;
}

bool take_character(std::string_view &text, char character) {
    if (!text.starts_with(character)) {
        return false;
    }
    text.remove_prefix(1);
    return true;
}

}  // namespace ringfold::tools
