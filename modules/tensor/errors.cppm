export module nbm:tensor.errors;

import :standard;

export namespace nbm {

/// Base of every exception that nbm throws on purpose; what() is one sentence for a person.
class Error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// An argument or option has a value that cannot be used.
class InputError : public Error {
public:
    using Error::Error;
};

/// Shapes that must agree do not.
class ShapeError : public InputError {
public:
    using InputError::InputError;
};

/// A file cannot be read or written, or holds something else than expected; what() begins with its path.
class FileError : public Error {
public:
    FileError(std::string_view path, std::string_view problem);
};

/// The candidate with the smallest edit distance to `name`; empty when none is near (more than half of the letters differ).
auto nearest_name(std::string_view name, std::span<const std::string> candidates) -> std::string;

/// "unknown WHAT 'NAME'; did you mean 'NEAREST'? (valid: A, B, C)": the sentence for a name that is not among `candidates`.
auto unknown_name(std::string_view what, std::string_view name, std::span<const std::string> candidates) -> std::string;

}  // namespace nbm
