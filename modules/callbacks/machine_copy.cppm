export module nbm:callbacks.machine_copy;

import :io;
import :model;
import :standard;
import :tensor;

namespace nbm {

/// A second machine of the size of another one, for callbacks that are no templates.
class MachineCopy {
public:
    /// Without a machine.
    inline auto clear() -> void {
        machine_ = std::monostate{};
        filled_ = false;
    }
    /// Makes room for the parameters of a machine like this one.
    template <Real T>
    auto allocate(const DBM<T>& like) -> void;
    /// Copies the parameters of the machine, or into it. The machine's own storage stays where it is.
    template <Real T>
    auto take(const DBM<T>& from) -> void;
    template <Real T>
    auto put_into(DBM<T>& to) const -> void;

    /// Whether it holds parameters.
    inline auto is_filled() const -> bool { return filled_; }
    /// Null without parameters of a machine over T.
    template <Real T>
    inline auto get() -> DBM<T>* {
        return filled_ ? std::get_if<DBM<T>>(&machine_) : nullptr;
    }
    template <Real T>
    inline auto get() const -> const DBM<T>* {
        return filled_ ? std::get_if<DBM<T>>(&machine_) : nullptr;
    }

    auto save_state(State& state) const -> void;
    /// Into the room that is there. Throws InputError when the parameters have other shapes.
    auto load_state(const State& state) -> void;

private:
    std::variant<std::monostate, DBM<float>, DBM<double>> machine_;
    bool filled_ = false;
};

}  // namespace nbm
