module nbm:data.save_impl;

import :data.csv;
import :data.dataset;
import :data.hdf5;
import :data.npz;
import :data.tables;
import :io.files;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace fs = std::filesystem;

namespace {

/// Rows with their labels, of one split.
template <Real T>
struct Part {
    const char* name;
    const Matrix<T>* rows;
    const std::vector<int>* labels;
};

template <Real T>
auto parts_of(const Dataset<T>& dataset) -> std::vector<Part<T>> {
    auto parts = std::vector<Part<T>>{{"train", &dataset.train, &dataset.train_labels},
                                      {"valid", &dataset.valid, &dataset.valid_labels},
                                      {"test", &dataset.test, &dataset.test_labels}};
    std::erase_if(parts, [](const Part<T>& part) { return part.rows->shape(0) == 0; });
    return parts;
}

/// A field as RFC 4180 writes it.
auto field_of(const std::string& word, char delimiter) -> std::string {
    const auto blank = [](char c) { return c == ' ' || c == '\t'; };
    const auto plain = !word.empty() && word.find_first_of("\"\r\n") == std::string::npos &&
                       word.find(delimiter) == std::string::npos && !blank(word.front()) && !blank(word.back());
    if (plain) { return word; }
    auto quoted = std::string("\"");
    for (const auto c : word) { quoted += c == '"' ? std::string("\"\"") : std::string(1, c); }
    return quoted + '"';
}

/// [rows, 1], of numbers that float32 has.
template <Real T>
auto as_column(const std::vector<int>& labels, const fs::path& path) -> Matrix<T> {
    constexpr auto most = 1 << 24;
    auto column = zero_matrix<T>(labels.size(), 1);
    for (std::size_t r = 0; r != labels.size(); ++r) {
        if (labels[r] > most || labels[r] < -most) {
            throw InputError(
                fmt::format("{}: the label {} is beyond {}, the largest that is kept exactly", path.string(), labels[r], most));
        }
        column(r, 0) = static_cast<T>(labels[r]);
    }
    return column;
}

}  // namespace

template <Real T>
auto write_csv(const fs::path& path, const Matrix<T>& rows, const std::vector<int>& labels,
               const std::vector<std::string>& label_names) -> void {
    if (!labels.empty() && labels.size() != rows.shape(0)) {
        throw ShapeError(fmt::format("{}: {} labels for {} rows", path.string(), labels.size(), rows.shape(0)));
    }
    const auto delimiter = ending_of(path) == ".tsv" ? '\t' : ',';
    auto text = std::string{};
    for (std::size_t k = 0; k != rows.shape(1); ++k) { text += fmt::format("{}x{}", k == 0 ? "" : std::string(1, delimiter), k); }
    text += labels.empty() ? "\n" : fmt::format("{}label\n", delimiter);
    for (std::size_t r = 0; r != rows.shape(0); ++r) {
        for (std::size_t k = 0; k != rows.shape(1); ++k) {
            if (k != 0) { text += delimiter; }
            fmt::format_to(std::back_inserter(text), "{}", rows(r, k));
        }
        if (!labels.empty()) {
            const auto label = static_cast<std::size_t>(labels[r]);
            text += delimiter;
            text += labels[r] >= 0 && label < label_names.size() ? field_of(label_names[label], delimiter)
                                                                 : fmt::format("{}", labels[r]);
        }
        text += '\n';
    }
    write_text(path, text);
}

template <Real T>
auto save_dataset(const Dataset<T>& dataset, const fs::path& path) -> void {
    const auto ending = lower(path.extension().string());
    const auto parts = parts_of(dataset);
    if (ending == ".npz" || ending == ".h5" || ending == ".hdf5") {
        auto arrays = std::vector<std::pair<std::string, Matrix<T>>>{};
        for (const auto& part : parts) {
            arrays.emplace_back(fmt::format("{}.data", part.name), *part.rows);
            if (!part.labels->empty()) { arrays.emplace_back(fmt::format("{}.lbl", part.name), as_column<T>(*part.labels, path)); }
        }
        if (ending == ".npz") {
            write_npz(path, arrays);
        } else {
            write_hdf5(path, arrays);
        }
        return;
    }
    if (ending != ".npy" && ending != ".csv" && ending != ".tsv") {
        throw InputError(
            fmt::format("{}: found the ending '{}', expected .npz, .h5, .hdf5, .npy, .csv or .tsv", path.string(), ending));
    }
    if (parts.size() != 1) {
        throw InputError(fmt::format("{}: a file of this kind holds the rows of one split; {} have rows", path.string(),
                                     parts.empty() ? "none" : "several"));
    }
    const auto& part = parts.front();
    if (ending != ".npy") {
        write_csv(path, *part.rows, *part.labels, dataset.label_names);
        return;
    }
    const auto beside = fs::path(path).replace_extension(".lbl.npy");
    const auto labels = part.labels->empty() ? Matrix<T>{} : as_column<T>(*part.labels, path);  // throws before anything is lost
    auto ignored = std::error_code{};
    fs::remove(beside, ignored);  // those of an earlier file would be taken for labels of this one
    write_npy(path, *part.rows);
    if (!part.labels->empty()) { write_npy(beside, labels); }
}

template auto write_csv(const fs::path&, const Matrix<float>&, const std::vector<int>&, const std::vector<std::string>&) -> void;
template auto write_csv(const fs::path&, const Matrix<double>&, const std::vector<int>&, const std::vector<std::string>&) -> void;
template auto save_dataset(const Dataset<float>&, const fs::path&) -> void;
template auto save_dataset(const Dataset<double>&, const fs::path&) -> void;

}  // namespace nbm
