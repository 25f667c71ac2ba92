export module nbm:random.philox;

import :standard;

export namespace nbm {

using PhiloxCounter = std::array<std::uint32_t, 4>;
using PhiloxKey = std::array<std::uint32_t, 2>;

/// Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC'11): four words from a
/// counter and a key.
constexpr auto philox4x32(PhiloxCounter counter, PhiloxKey key) -> PhiloxCounter {
    for (int round = 0; round != 10; ++round) {
        const auto p0 = std::uint64_t{0xD2511F53U} * counter[0];
        const auto p1 = std::uint64_t{0xCD9E8D57U} * counter[2];
        counter = {static_cast<std::uint32_t>(p1 >> 32U) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(p1),
                   static_cast<std::uint32_t>(p0 >> 32U) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(p0)};
        key = {key[0] + 0x9E3779B9U, key[1] + 0xBB67AE85U};
    }
    return counter;
}

// Published test vectors (Random123 1.09, kat_vectors).
static_assert(philox4x32({0, 0, 0, 0}, {0, 0}) == PhiloxCounter{0x6627e8d5U, 0xe169c58dU, 0xbc57ac4cU, 0x9b00dbd8U});

}  // namespace nbm
