module nbm:estimators.betas_impl;

import :estimators.betas;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace {

auto require_two(std::size_t count) -> void {
    if (count < 2) { throw InputError(fmt::format("{} inverse temperatures are too few; annealing needs at least 2", count)); }
}

}  // namespace

Betas::Betas(std::size_t count) {
    require_two(count);
    for (std::size_t k = 0; k != count; ++k) { values_.push_back(static_cast<double>(k) / static_cast<double>(count - 1)); }
}

Betas::Betas(std::vector<double> values) : values_(std::move(values)) {
    require_two(values_.size());
    if (values_.front() != 0.0) {
        throw InputError(fmt::format("the first inverse temperature is {}; it must be 0", values_.front()));
    }
    if (values_.back() != 1.0) {
        throw InputError(fmt::format("the last inverse temperature is {}; it must be 1", values_.back()));
    }
    for (std::size_t k = 1; k != values_.size(); ++k) {
        if (!(values_[k - 1] < values_[k])) {
            throw InputError(
                fmt::format("inverse temperature {} is {} after {}; they must increase", k, values_[k], values_[k - 1]));
        }
    }
}

auto three_piece(std::size_t count) -> Betas {
    if (count < 4) {
        throw InputError(fmt::format("{} inverse temperatures are too few for three pieces; at least 4 are needed", count));
    }
    const auto steps = count - 1;
    const auto first = std::max<std::size_t>(1, steps * 500 / 14500);
    const auto second = std::max<std::size_t>(1, steps * 4000 / 14500);
    auto values = std::vector<double>{};
    const auto add_piece = [&](double from, double to, std::size_t n) {
        for (std::size_t k = 0; k != n; ++k) {
            values.push_back(from + (to - from) * static_cast<double>(k) / static_cast<double>(n));
        }
    };
    add_piece(0.0, 0.5, first);
    add_piece(0.5, 0.9, second);
    add_piece(0.9, 1.0, steps - first - second);
    values.push_back(1.0);
    return Betas(std::move(values));
}

auto adaptive(std::size_t count) -> Betas {
    require_two(count);
    auto betas = Betas();
    betas.count_ = count;
    return betas;
}

}  // namespace nbm
