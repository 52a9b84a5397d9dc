// SPDX-License-Identifier: Apache-2.0
//
// Packets of gdb's remote protocol (GDB manual, appendix "Remote Serial Protocol", "Overview"): $content#checksum, and
// numbers in hexadecimal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ringfold::tools {

enum class GdbInput {
    packet,     // its content is with it
    damaged,    // a packet whose checksum is wrong
    interrupt,  // Ctrl-C
};

struct GdbEvent {
    GdbInput input;
    std::string content;
};

// What gdb sends, taken apart. Acknowledgements are passed over: the streams below lose nothing.
class GdbReader {
  public:
    void feed(std::string_view bytes) { pending_ += bytes; }
    [[nodiscard]] std::optional<GdbEvent> next();
    // A packet that never ends.
    [[nodiscard]] bool is_hopeless() const { return pending_.size() > longest; }

    static constexpr std::size_t longest = std::size_t{1} << 16;

  private:
    std::string pending_;
};

// The content as a packet: escaped, framed.
[[nodiscard]] std::string gdb_packet(std::string_view content);

[[nodiscard]] std::string hex_bytes(std::span<const std::byte> bytes);
// So many bytes, least significant first, as registers are sent.
[[nodiscard]] std::string hex_little_endian(uint64_t value, unsigned bytes);
// Nothing: not an even number of digits, or no digits.
[[nodiscard]] std::optional<std::string> parse_hex_bytes(std::string_view digits);

// Takes a number in hexadecimal off the front of the text; nothing: there is none, or it does not fit.
[[nodiscard]] std::optional<uint64_t> take_hex(std::string_view &text);
// Takes the character off the front if it stands there.
[[nodiscard]] bool take_character(std::string_view &text, char character);

}  // namespace ringfold::tools
