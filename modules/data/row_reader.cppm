export module nbm:data.row_reader;

import :standard;
import :tensor;

export namespace nbm {

/// A source of rows of numbers that is read a block at a time, by one thread at a time. Your own may stand for a database.
class RowReader {
public:
    /// Rows that are best read together, and the memory in bytes that the reader itself needs for that.
    struct Chunk {
        std::size_t rows = 1;
        std::size_t bytes = 0;
    };

    RowReader() = default;
    RowReader(const RowReader&) = delete;
    auto operator=(const RowReader&) -> RowReader& = delete;
    virtual ~RowReader() = default;

    /// What messages about the rows begin with.
    virtual auto name() const -> std::string = 0;
    virtual auto rows() const -> std::size_t = 0;
    /// Values of a row.
    virtual auto units() const -> std::size_t = 0;
    /// Whether the values are unsigned bytes: these are divided by 255 when one of them is above 1.
    inline virtual auto holds_bytes() const -> bool { return false; }
    inline virtual auto chunk() const -> Chunk { return {}; }
    /// out[i, :] = row first + i as it is stored, neither scaled nor checked. Throws FileError.
    virtual auto read(std::size_t first, MatrixView<double> out) -> void = 0;
};

/// Opens the rows of "FILE.npy" or, in an HDF5 file, of the dataset "FILE.h5:/PATH" or the only one of two dimensions, "FILE.h5";
/// more than two dimensions are flattened to rows. Types: boolean, integers of 1 to 8 bytes, float32, float64; C order. Throws
/// FileError or InputError.
auto open_rows(const std::string& name) -> std::unique_ptr<RowReader>;

}  // namespace nbm
