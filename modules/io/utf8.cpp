module nbm:io.utf8;

import :standard;

namespace nbm {

/// Bytes of the UTF-8 character that `text`, which is not empty, begins with; 0 when it begins with none.
inline auto character_size(std::string_view text) -> std::size_t {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(text[i])); };
    const auto first = byte(0);
    const auto size = std::size_t{first < 0x80U   ? 1U
                                  : first < 0xC2U ? 0U
                                  : first < 0xE0U ? 2U
                                  : first < 0xF0U ? 3U
                                  : first < 0xF5U ? 4U
                                                  : 0U};
    if (size < 2 || text.size() < size) { return text.size() < size ? 0 : size; }
    for (std::size_t i = 1; i != size; ++i) {
        if ((byte(i) & 0xC0U) != 0x80U) { return 0; }
    }
    // Longer than needed, surrogates, beyond Unicode.
    const auto wrong = (first == 0xE0U && byte(1) < 0xA0U) || (first == 0xEDU && byte(1) > 0x9FU) ||
                       (first == 0xF0U && byte(1) < 0x90U) || (first == 0xF4U && byte(1) > 0x8FU);
    return wrong ? 0 : size;
}

inline auto is_utf8(std::string_view text) -> bool {
    while (!text.empty()) {
        const auto size = character_size(text);
        if (size == 0) { return false; }
        text.remove_prefix(size);
    }
    return true;
}

}  // namespace nbm
