// In place of random draws: every outcome, with its probability. To be included after `import nbm;`.
#pragma once

/// Each chain gets the states that it is told, bit by bit in the order of the draws, and their probability is multiplied up.
class ToldDraw : public nbm::Draw<double> {
public:
    /// Chain r is told the bits of told[r].
    explicit ToldDraw(std::vector<std::size_t> told) : told_(std::move(told)), probability_(told_.size(), 1.0) {}

    /// All numbers of so many bits, one for each chain.
    static auto all(std::size_t bits) -> ToldDraw {
        auto told = std::vector<std::size_t>(std::size_t{1} << bits);
        for (std::size_t n = 0; n != told.size(); ++n) { told[n] = n; }
        return ToldDraw(std::move(told));
    }

    auto probability(std::size_t chain) const -> double { return probability_[chain]; }
    auto chains() const -> std::size_t { return told_.size(); }
    /// Whether every bit was used.
    auto exhausted(std::size_t bits) const -> bool { return used_ == bits; }

    auto operator()(std::size_t, nbm::MatrixView<double> logits) -> void override {
        for (std::size_t r = 0; r != logits.rows(); ++r) {
            for (auto& z : logits.row(r)) {
                const auto on = (told_[r] & 1U) != 0;
                told_[r] >>= 1U;
                probability_[r] *= nbm::sigmoid(on ? z : -z);
                z = on ? 1.0 : 0.0;
            }
        }
        used_ += logits.cols();
    }

private:
    std::vector<std::size_t> told_;
    std::vector<double> probability_;
    std::size_t used_ = 0;
};

/// The units of the layers first, first + 2, ... of row r as a number, lowest bit first, and back.
inline auto bits_of(const nbm::States<double>& states, std::size_t first, std::size_t r) -> std::size_t {
    auto bits = std::size_t{0};
    auto place = std::size_t{0};
    for (auto l = first; l < states.size(); l += 2) {
        for (std::size_t k = 0; k != states[l].shape(1); ++k) { bits |= static_cast<std::size_t>(states[l](r, k)) << place++; }
    }
    return bits;
}
inline auto set_bits(nbm::States<double>& states, std::size_t first, std::size_t r, std::size_t bits) -> void {
    for (auto l = first; l < states.size(); l += 2) {
        for (std::size_t k = 0; k != states[l].shape(1); ++k, bits >>= 1U) { states[l](r, k) = double(bits & 1U); }
    }
}
inline auto units_from(const nbm::Topology& topology, std::size_t first, std::size_t step) -> std::size_t {
    auto units = std::size_t{0};
    for (auto l = first; l < topology.layer_count(); l += step) { units += topology.size(l); }
    return units;
}
