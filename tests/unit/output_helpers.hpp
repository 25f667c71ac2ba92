// What the tests of callbacks that write files share; to be included behind `import nbm;`, as standard headers cannot come after
// it: <algorithm>, <filesystem>, <sstream>, <string>, <utility>, <vector> and helpers.hpp are needed before.
#pragma once

inline auto lines_of(const std::filesystem::path& path) -> std::vector<std::string> {
    auto stream = std::istringstream(contents(path));
    auto lines = std::vector<std::string>{};
    for (auto line = std::string(); std::getline(stream, line);) { lines.push_back(line); }
    return lines;
}

inline auto files_in(const std::filesystem::path& folder) -> std::vector<std::filesystem::path> {
    auto files = std::vector<std::filesystem::path>{};
    for (const auto& entry : std::filesystem::directory_iterator(folder)) { files.push_back(entry.path()); }
    std::sort(files.begin(), files.end());
    return files;
}

inline auto bytes(const nbm::Image& image) -> std::string {
    const auto png = nbm::encode_png(image);
    return {png.begin(), png.end()};
}

/// Two updates an epoch.
template <class List>
inline auto train(const std::vector<std::size_t>& sizes, nbm::FitOptions<double> options, List&& list) {
    const auto data = nbm::bars_and_stripes<double>(2);
    auto dbm = nbm::DBM<double>(nbm::Topology(sizes));
    nbm::initialise(dbm, data.train);
    options.batch_size = 3;
    options.on_warning = {};
    auto history = nbm::fit(dbm, data.train, nbm::CD<double>(), nbm::SGD<double>({.learning_rate = 0.1}), options, list);
    return std::pair(std::move(dbm), std::move(history));
}

inline auto same_parameters(const nbm::DBM<double>& a, const nbm::DBM<double>& b) -> bool {
    for (std::size_t l = 0; l != a.layer_count(); ++l) {
        if (!(a.bias(l) == b.bias(l))) { return false; }
    }
    for (std::size_t s = 0; s != a.synapses().size(); ++s) {
        if (!(a.synapses()[s].weights == b.synapses()[s].weights)) { return false; }
    }
    return true;
}

/// Weights from the visible units as rows.
inline auto transposed(const nbm::Matrix<double>& w, std::size_t count) -> nbm::Matrix<double> {
    auto t = nbm::zero_matrix<double>(count, w.shape(0));
    for (std::size_t k = 0; k != count; ++k) {
        for (std::size_t i = 0; i != w.shape(0); ++i) { t(k, i) = w(i, k); }
    }
    return t;
}
