module nbm:callbacks.recorded;

import :io;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

/// The metrics that a CSVLogger of the same list has written. Throws FileError, or InputError when the file is not there or has no
/// column `epoch`.
auto read_recorded(std::string_view callback, const std::filesystem::path& path, char separator) -> Table {
    if (!std::filesystem::exists(path)) {
        throw InputError(
            fmt::format("{}: {} is not there; a CSVLogger with that filename is needed beside it", callback, path.string()));
    }
    auto table = read_table(path, separator);
    if (!table.has("epoch")) {
        throw InputError(fmt::format("{}: {} has no column 'epoch'; is '{}' its separator?", callback, path.string(), separator));
    }
    return table;
}

}  // namespace nbm
