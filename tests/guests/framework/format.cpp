// SPDX-License-Identifier: Apache-2.0
#include "framework/format.hpp"

#include <cstdint>

namespace guest {
namespace {

class Output {
  public:
    Output(char *buffer, size_t size) : buffer_(buffer), size_(size) {}

    void put(char character) {
        if (length_ + 1 < size_) {
            buffer_[length_++] = character;
        }
    }
    void pad(char filler, size_t count) {
        while (count-- > 0) {
            put(filler);
        }
    }
    [[nodiscard]] size_t finish() {
        buffer_[length_] = '\0';
        return length_;
    }

  private:
    char *buffer_;
    size_t size_;
    size_t length_ = 0;
};

struct Conversion {
    size_t width = 0;
    char filler = ' ';
    bool is_long = false;
    char kind = '\0';
};

Conversion parse(const char *&text) {
    Conversion conversion;
    if (*text == '0') {
        conversion.filler = '0';
    }
    for (; *text >= '0' && *text <= '9'; ++text) {
        conversion.width = conversion.width * 10 + static_cast<size_t>(*text - '0');
    }
    for (; *text == 'l' || *text == 'z'; ++text) {
        conversion.is_long = true;
    }
    conversion.kind = *text;
    return conversion;
}

void put_number(Output &output, const Conversion &conversion, uint64_t value, unsigned base, bool negative) {
    char digits[24];
    size_t count = 0;
    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    if (negative) {
        digits[count++] = '-';
    }
    output.pad(conversion.filler, conversion.width > count ? conversion.width - count : 0);
    while (count > 0) {
        output.put(digits[--count]);
    }
}

void put_text(Output &output, const Conversion &conversion, const char *text) {
    size_t length = 0;
    for (; text[length] != '\0'; ++length) {
        output.put(text[length]);
    }
    output.pad(' ', conversion.width > length ? conversion.width - length : 0);
}

}  // namespace

size_t format(char *buffer, size_t size, const char *text, va_list arguments) {
    Output output{buffer, size};
    for (; *text != '\0'; ++text) {
        if (*text != '%') {
            output.put(*text);
            continue;
        }
        ++text;
        const Conversion conversion = parse(text);
        switch (conversion.kind) {
            case 's':
                put_text(output, conversion, va_arg(arguments, const char *));
                break;
            case 'c':
                output.put(static_cast<char>(va_arg(arguments, int)));
                break;
            case 'd': {
                const int64_t value = conversion.is_long ? va_arg(arguments, long) : va_arg(arguments, int);
                const bool negative = value < 0;
                const auto magnitude = static_cast<uint64_t>(value);
                put_number(output, conversion, negative ? 0 - magnitude : magnitude, 10, negative);
                break;
            }
            case 'u':
            case 'x': {
                const uint64_t value =
                    conversion.is_long ? va_arg(arguments, unsigned long) : va_arg(arguments, unsigned);
                put_number(output, conversion, value, conversion.kind == 'x' ? 16 : 10, false);
                break;
            }
            case 'p':
                put_number(output, conversion, reinterpret_cast<uint64_t>(va_arg(arguments, void *)), 16, false);
                break;
            case '\0':
                return output.finish();
            default:
                output.put(conversion.kind);
                break;
        }
    }
    return output.finish();
}

size_t format(char *buffer, size_t size, const char *text, ...) {
    va_list arguments;
    va_start(arguments, text);
    const size_t length = format(buffer, size, text, arguments);
    va_end(arguments);
    return length;
}

}  // namespace guest
