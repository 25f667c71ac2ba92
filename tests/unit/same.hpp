// Whether two trainings had the same result, bit for bit. After `import nbm;`.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

template <class T>
bool same_weights(const nbm::DBM<T>& a, const nbm::DBM<T>& b) {
    auto same = a.topology() == b.topology();
    for (std::size_t l = 0; same && l != a.layer_count(); ++l) { same = a.bias(l) == b.bias(l); }
    for (std::size_t s = 0; same && s != a.synapses().size(); ++s) { same = a.synapses()[s].weights == b.synapses()[s].weights; }
    return same;
}

/// All metrics but times.
inline bool same_history(const nbm::History& a, const nbm::History& b) {
    if (a.rows().size() != b.rows().size() || a.metrics().size() != b.metrics().size()) { return false; }
    for (std::size_t m = 0; m != a.metrics().size(); ++m) {
        if (a.metrics()[m].name != b.metrics()[m].name) { return false; }
        if (a.metrics()[m].unit == "s") { continue; }
        for (std::size_t r = 0; r != a.rows().size(); ++r) {
            const auto& x = a.rows()[r].values[m];
            const auto& y = b.rows()[r].values[m];
            if (a.rows()[r].epoch != b.rows()[r].epoch || x.has_value() != y.has_value()) { return false; }
            if (x && std::bit_cast<std::uint64_t>(*x) != std::bit_cast<std::uint64_t>(*y)) { return false; }
        }
    }
    return true;
}
