module nbm:data.folder_impl;

import :data.csv;
import :data.dataset;
import :data.folder;
import :data.idx;
import :data.npz;
import :data.tables;
import :io.images;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace fs = std::filesystem;

namespace {

enum class Kind : std::uint8_t { none, png, csv, npy };

auto name_of(Kind kind) -> const char* { return kind == Kind::png ? "PNG" : kind == Kind::csv ? "CSV" : "NPY"; }

/// Without .txt, for such a file beside data is rather a note.
auto kind_of(const fs::path& path) -> Kind {
    const auto ending = lower(path.extension().string());
    if (ending == ".png") { return Kind::png; }
    if (ending_of(path) == ".csv" || ending_of(path) == ".tsv") { return Kind::csv; }
    return ending == ".npy" && path.stem().extension() != ".lbl" ? Kind::npy : Kind::none;
}

struct Files {
    Kind kind = Kind::none;
    std::vector<fs::path> paths;
};

/// The files of the one kind that is in a folder, in the order of their names.
auto files_in(const fs::path& folder) -> Files {
    auto files = Files{};
    auto error = std::error_code{};
    for (auto entry = fs::directory_iterator(folder, error); !error && entry != fs::directory_iterator(); entry.increment(error)) {
        const auto& path = entry->path();
        const auto kind = kind_of(path);
        auto ignored = std::error_code{};
        if (kind == Kind::none || path.filename().string().starts_with('.') || fs::is_directory(path, ignored)) { continue; }
        if (files.kind != Kind::none && files.kind != kind) {
            throw FileError(folder.string(), fmt::format("has both {} and {} files; one kind is expected",
                                                         name_of(std::min(kind, files.kind)), name_of(std::max(kind, files.kind))));
        }
        files.kind = kind;
        files.paths.push_back(path);
    }
    if (error) { throw FileError(folder.string(), "cannot be read: " + error.message()); }
    std::ranges::sort(files.paths, {}, [](const fs::path& path) { return path.filename().string(); });
    return files;
}

/// Whether a file is called train.csv, train1.csv, train-1.csv or train_1.csv when `split` is train.
auto belongs_to(const fs::path& path, std::string_view split) -> bool {
    const auto stem = without_gzip(path).stem().string();
    auto rest = std::string_view(stem);
    if (!rest.starts_with(split)) { return false; }
    rest.remove_prefix(split.size());
    if (rest.empty()) { return true; }
    if (rest.front() == '-' || rest.front() == '_') { rest.remove_prefix(1); }
    return !rest.empty() && rest.find_first_not_of("0123456789") == std::string_view::npos;
}

/// Pictures as one table, one row each.
auto picture_table(const fs::path& folder, const std::vector<fs::path>& paths, std::optional<Image>& first, std::string& first_path)
    -> Table {
    auto table = Table{.source = folder.string(), .scale = Scale::grey, .values = {}, .labels = {}, .label_words = {}, .place = {}};
    for (const auto& path : paths) {
        const auto image = read_png(path);
        if (!first) {
            first = Image{.height = image.height, .width = image.width, .pixels = {}};
            first_path = path.string();
        }
        if (image.height != first->height || image.width != first->width) {
            throw FileError(path.string(), fmt::format("has {} x {} pixels; {} has {} x {}", image.width, image.height, first_path,
                                                       first->width, first->height));
        }
        table.values.insert(table.values.end(), image.pixels.begin(), image.pixels.end());
        table.units = image.pixels.size();
        ++table.rows;
    }
    return table;
}

/// Reads the files of all splits of a folder, which must fit each other.
class TableReader {
public:
    explicit TableReader(const CsvOptions& options) : options_(options) {}

    auto read(const fs::path& folder, const Files& files) -> std::vector<Table> {
        auto tables = std::vector<Table>{};
        if (files.kind == Kind::png) {
            if (!files.paths.empty()) { tables.push_back(picture_table(folder, files.paths, picture_, first_path_)); }
            return tables;
        }
        for (const auto& path : files.paths) { tables.push_back(files.kind == Kind::csv ? csv_table(path) : npy_table(path)); }
        return tables;
    }

private:
    auto csv_table(const fs::path& path) -> Table {
        auto csv = read_csv(path, options_);
        if (first_path_.empty()) {
            names_ = csv.names;
            first_path_ = path.string();
        }
        // Columns in another order would be other units. Where the numbers differ, that is told later.
        for (std::size_t c = 0; c != std::min(names_.size(), csv.names.size()); ++c) {
            if (names_[c] != csv.names[c]) {
                throw FileError(path.string(), fmt::format("calls column {} '{}'; {} has '{}' in that place", csv.columns[c],
                                                           csv.names[c], first_path_, names_[c]));
            }
        }
        return table_of(path, std::move(csv), options_);
    }

    CsvOptions options_;
    std::optional<Image> picture_;
    std::vector<std::string> names_;
    std::string first_path_;
};

/// The files of each split of a folder: those in its sub-folders, or those that are called like a split, or else all, as `whole`.
struct SplitFiles {
    Files train;
    Files valid;
    Files test;
    Files whole;
};

auto in_sub_folders(const fs::path& folder) -> SplitFiles {
    auto result = SplitFiles{};
    auto ignored = std::error_code{};
    const auto look = [&](const char* split, Files& files) {
        if (fs::is_directory(folder / split, ignored)) { files = files_in(folder / split); }
        if (files.kind != Kind::none && result.train.kind != Kind::none && files.kind != result.train.kind) {
            throw FileError((folder / split).string(), fmt::format("has {} files, {} has {} files", name_of(files.kind),
                                                                   (folder / "train").string(), name_of(result.train.kind)));
        }
    };
    look("train", result.train);
    look("valid", result.valid);
    look("test", result.test);
    return result;
}

auto by_name(const fs::path& folder) -> SplitFiles {
    auto result = SplitFiles{};
    auto all = files_in(folder);
    result.train.kind = result.valid.kind = result.test.kind = all.kind;
    auto others = std::vector<fs::path>{};
    for (const auto& path : all.paths) {
        const auto named = all.kind != Kind::png;  // the splits of pictures are sub-folders
        auto& paths = named && belongs_to(path, "train")   ? result.train.paths
                      : named && belongs_to(path, "valid") ? result.valid.paths
                      : named && belongs_to(path, "test")  ? result.test.paths
                                                           : others;
        paths.push_back(path);
    }
    if (others.size() == all.paths.size()) { return {.train = {}, .valid = {}, .test = {}, .whole = std::move(all)}; }
    if (!others.empty()) {
        throw FileError(others[0].string(),
                        "belongs to no split, while others beside it do: their names begin with train, valid or test");
    }
    return result;
}

}  // namespace

auto holds_idx(const fs::path& folder) -> bool {
    auto ignored = std::error_code{};
    for (const auto* const split : {"train", "t10k"}) {
        for (const auto* const ending : {"", ".gz"}) {
            if (fs::exists(folder / fmt::format("{}-images-idx3-ubyte{}", split, ending), ignored)) { return true; }
        }
    }
    return false;
}

auto folder_splits(const fs::path& folder, const CsvOptions& options) -> Splits {
    auto files = in_sub_folders(folder);
    if (files.train.paths.empty() && files.valid.paths.empty() && files.test.paths.empty()) { files = by_name(folder); }
    const auto found = !files.valid.paths.empty() || !files.test.paths.empty();
    if (files.whole.paths.empty() && files.train.paths.empty()) {
        throw FileError(folder.string(), found ? "has files for validation or test, but none called train for training"
                                               : "has neither train-images-idx3-ubyte[.gz] nor PNG, CSV or .npy files");
    }
    const auto kind = files.whole.paths.empty() ? files.train.kind : files.whole.kind;
    if (kind != Kind::csv && (!options.label.empty() || options.header || options.scale)) {
        throw InputError(fmt::format("{}: options are for CSV files; there are {} files in it", folder.string(), name_of(kind)));
    }
    auto reader = TableReader(options);
    auto splits = Splits{.source = folder.string()};
    splits.train = reader.read(folder / "train", files.train);
    splits.valid = reader.read(folder / "valid", files.valid);
    splits.test = reader.read(folder / "test", files.test);
    splits.whole = reader.read(folder, files.whole);
    return splits;
}

template <Real T>
auto load_folder(const fs::path& folder, const CsvOptions& options, std::uint64_t seed) -> Dataset<T> {
    auto ignored = std::error_code{};
    if (!fs::is_directory(folder, ignored)) { throw FileError(folder.string(), "there is no such folder"); }
    if (holds_idx(folder)) { return load_idx_folder<T>(folder); }
    return assemble<T>(folder_splits(folder, options), {.seed = seed});
}
template auto load_folder(const fs::path&, const CsvOptions&, std::uint64_t) -> Dataset<float>;
template auto load_folder(const fs::path&, const CsvOptions&, std::uint64_t) -> Dataset<double>;

}  // namespace nbm
