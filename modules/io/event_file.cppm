export module nbm:io.event_file;

import :io.images;
import :standard;
import :tensor;

export namespace nbm {

/// A file of events that TensorBoard shows: curves, histograms and pictures, each with a tag ("loss/train": what is before the
/// slash groups) and a step. Each session of a run makes a new file in the run's folder, never continues one. Events are collected
/// and written as whole records, at the latest by flush() or the destructor; after a failed write the file ends with its last whole
/// record, and the next write takes the rest up again. A tag must be UTF-8, else InputError is thrown; a file that cannot be
/// written is a FileError.
class EventFile {
public:
    /// Makes `folder` where missing and in it the file events.out.tfevents.SECONDS.HOST.PROCESS.COUNTER, whose name comes behind
    /// those of all event files there: TensorBoard reads them in this order. `first_step` is the first step that will be written:
    /// from it on, TensorBoard forgets what earlier sessions wrote, as a resumed run repeats the steps since its last checkpoint.
    EventFile(const std::filesystem::path& folder, std::int64_t first_step);
    EventFile(EventFile&& other) noexcept;
    auto operator=(EventFile&& other) noexcept -> EventFile&;
    /// Writes what is left, as far as it can, and closes the file.
    ~EventFile();

    auto path() const -> const std::filesystem::path&;

    /// One point of a curve. The file holds float32.
    auto scalar(std::string_view tag, std::int64_t step, double value) -> void;

    /// The distribution of `values` in 30 buckets of equal width (fewer when all values are within a few units in the last place).
    /// A bucket holds the values above the limit of the one before, up to and including its own. NaN and infinite values are left
    /// out, also of the count, minimum, maximum and sums.
    template <Real T>
    auto histogram(std::string_view tag, std::int64_t step, std::span<const T> values) -> void;

    /// A grey picture. Throws ShapeError like encode_png.
    auto image(std::string_view tag, std::int64_t step, const Image& picture) -> void;

    /// Hands everything to the system, so that readers see it.
    auto flush() -> void;

private:
    struct Sink;
    std::unique_ptr<Sink> sink_;
};

}  // namespace nbm
