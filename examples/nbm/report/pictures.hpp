#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "report/run_files.hpp"

/// Embeds pictures in a page that must not grow beyond a number of bytes.
class Album {
public:
    explicit Album(std::size_t bytes) : left_(bytes) {}

    /// <img> with the picture in it; a grey sheet that takes more than `share` bytes of the page is made smaller, and if need be
    /// left out. Empty when it is left out, and notes() has a sentence then.
    auto embed(const Picture& picture, const std::string& alt, std::size_t share) -> std::string;

    /// The pictures of these that fit in `share` bytes altogether, chosen evenly, first and last among them; at most `most`.
    auto choose(const std::vector<Picture>& pictures, std::size_t share, std::size_t most) -> std::vector<Picture>;

    auto left() const -> std::size_t { return left_; }
    auto notes() const -> const std::vector<std::string>& { return notes_; }

private:
    std::size_t left_;
    std::vector<std::string> notes_;
};
