// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/decompress.hpp"

#include <fmt/core.h>
#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

namespace ringfold::tools {

namespace {

constexpr std::size_t piece = std::size_t{1} << 20;

Failure broken(std::string_view format, std::string_view why) {
    return {Kind::image, fmt::format("its {} stream is broken: {}", format, why)};
}

// Decoded bytes, a piece at a time, up to a limit.
class Output {
  public:
    explicit Output(std::size_t limit) : limit_(limit) {}

    // Room for more; empty when the limit is reached.
    std::span<std::byte> room(std::size_t wanted = piece) {
        const std::size_t size = std::min(wanted, limit_ - used_);
        bytes_.resize(used_ + size);
        return std::span{bytes_}.subspan(used_);
    }
    void add(std::size_t count) { used_ += count; }
    [[nodiscard]] Failure full() const {
        return {Kind::image, fmt::format("unpacked it is larger than {} MiB", limit_ >> 20)};
    }
    std::vector<std::byte> take() {
        bytes_.resize(used_);
        return std::move(bytes_);
    }

  private:
    std::size_t limit_;
    std::size_t used_ = 0;
    std::vector<std::byte> bytes_;
};

using Unpacked = Outcome<std::vector<std::byte>>;

Unpacked unpack_gzip(Bytes stream, Output output) {
    z_stream state{};
    constexpr int gzip_only = 16 + MAX_WBITS;
    if (inflateInit2(&state, gzip_only) != Z_OK) {
        return broken("gzip", "zlib does not start");
    }
    const std::unique_ptr<z_stream, int (*)(z_stream *)> ends(&state, inflateEnd);
    state.next_in = reinterpret_cast<Bytef *>(const_cast<std::byte *>(stream.data()));
    state.avail_in = static_cast<uInt>(stream.size());
    for (;;) {
        const auto room = output.room();
        if (room.empty()) {
            return output.full();
        }
        state.next_out = reinterpret_cast<Bytef *>(room.data());
        state.avail_out = static_cast<uInt>(room.size());
        const int status = inflate(&state, Z_NO_FLUSH);
        output.add(room.size() - state.avail_out);
        if (status == Z_STREAM_END) {
            return output.take();
        }
        if (status != Z_OK) {
            return broken("gzip", status == Z_BUF_ERROR  ? "it is cut off"
                                  : state.msg == nullptr ? "zlib refuses it"
                                                         : state.msg);
        }
    }
}

Unpacked unpack_xz(Bytes stream, Output output) {
    lzma_stream state = LZMA_STREAM_INIT;
    constexpr uint64_t most_memory = uint64_t{256} << 20;
    if (lzma_stream_decoder(&state, most_memory, 0) != LZMA_OK) {
        return broken("xz", "liblzma does not start");
    }
    const std::unique_ptr<lzma_stream, void (*)(lzma_stream *)> ends(&state, lzma_end);
    state.next_in = reinterpret_cast<const uint8_t *>(stream.data());
    state.avail_in = stream.size();
    for (;;) {
        const auto room = output.room();
        if (room.empty()) {
            return output.full();
        }
        state.next_out = reinterpret_cast<uint8_t *>(room.data());
        state.avail_out = room.size();
        const lzma_ret status = lzma_code(&state, LZMA_RUN);
        output.add(room.size() - state.avail_out);
        if (status == LZMA_STREAM_END) {
            return output.take();
        }
        if (status != LZMA_OK) {
            return broken("xz", status == LZMA_BUF_ERROR        ? "it is cut off"
                                : status == LZMA_MEMLIMIT_ERROR ? "it needs more than 256 MiB to unpack"
                                                                : fmt::format("liblzma says {}", int{status}));
        }
    }
}

Unpacked unpack_zstd(Bytes stream, Output output) {
    const std::unique_ptr<ZSTD_DStream, size_t (*)(ZSTD_DStream *)> state(ZSTD_createDStream(), ZSTD_freeDStream);
    if (!state) {
        return broken("zstd", "zstd does not start");
    }
    ZSTD_DCtx_setParameter(state.get(), ZSTD_d_windowLogMax, 27);
    ZSTD_inBuffer input{stream.data(), stream.size(), 0};
    for (;;) {
        const auto room = output.room();
        if (room.empty()) {
            return output.full();
        }
        ZSTD_outBuffer target{room.data(), room.size(), 0};
        const std::size_t before = input.pos;
        const std::size_t status = ZSTD_decompressStream(state.get(), &target, &input);
        output.add(target.pos);
        if (ZSTD_isError(status) != 0) {
            return broken("zstd", ZSTD_getErrorName(status));
        }
        if (status == 0) {
            return output.take();
        }
        if (target.pos == 0 && input.pos == before) {
            return broken("zstd", "it is cut off");
        }
    }
}

// The legacy frame: a magic word, then blocks of 8 MiB, each behind its packed size. Linux puts the size of the whole,
// which is no block's, behind them.
Unpacked unpack_lz4(Bytes stream, Output output) {
    constexpr std::size_t block = std::size_t{8} << 20;
    for (stream = stream.subspan(4); stream.size() > 4;) {
        uint32_t packed = 0;
        std::memcpy(&packed, stream.data(), sizeof packed);
        stream = stream.subspan(4);
        if (packed == 0 || packed > LZ4_COMPRESSBOUND(block) || packed > stream.size()) {
            return broken("lz4", "a block is longer than what is left");
        }
        const auto room = output.room(block);
        const int size =
            LZ4_decompress_safe(reinterpret_cast<const char *>(stream.data()), reinterpret_cast<char *>(room.data()),
                                static_cast<int>(packed), static_cast<int>(room.size()));
        if (size < 0) {
            return room.size() < block ? output.full() : broken("lz4", "a block does not unpack");
        }
        output.add(static_cast<std::size_t>(size));
        stream = stream.subspan(packed);
    }
    return output.take();
}

struct Format {
    std::string_view name;
    std::array<unsigned char, 6> magic;
    std::size_t magic_size;
    Unpacked (*unpack)(Bytes, Output);
};

constexpr std::array formats{
    Format{"gzip", {0x1f, 0x8b}, 2, unpack_gzip},
    Format{"xz", {0xfd, '7', 'z', 'X', 'Z', 0}, 6, unpack_xz},
    Format{"zstd", {0x28, 0xb5, 0x2f, 0xfd}, 4, unpack_zstd},
    Format{"lz4", {0x02, 0x21, 0x4c, 0x18}, 4, unpack_lz4},
    Format{"bzip2", {'B', 'Z', 'h'}, 3, nullptr},
    Format{"lzma", {0x5d, 0, 0}, 3, nullptr},
    Format{"lzo", {0x89, 'L', 'Z', 'O'}, 4, nullptr},
};

const Format *format_of(Bytes stream) {
    for (const Format &format : formats) {
        if (stream.size() >= format.magic_size &&
            std::memcmp(stream.data(), format.magic.data(), format.magic_size) == 0) {
            return &format;
        }
    }
    return nullptr;
}

}  // namespace

std::string_view compression_of(Bytes stream) {
    const Format *format = format_of(stream);
    return format == nullptr ? std::string_view{} : format->name;
}

Outcome<std::vector<std::byte>> decompress(Bytes stream, std::size_t limit) {
    const Format *format = format_of(stream);
    if (format == nullptr) {
        return Failure{Kind::image, "it is packed in no known way (known: gzip, xz, lz4, zstd)"};
    }
    if (format->unpack == nullptr) {
        return Failure{Kind::image,
                       fmt::format("it is packed with {}; gzip, xz, lz4 and zstd are supported", format->name)};
    }
    return format->unpack(stream, Output(limit));
}

}  // namespace ringfold::tools
