export module nbm:io.state;

import :standard;
import :tensor;

export namespace nbm {

/// What one name of a State can stand for.
using StateValue =
    std::variant<bool, std::uint64_t, std::int64_t, double, std::string, std::vector<double>, std::vector<std::uint64_t>,
                 std::vector<std::string>, Matrix<float>, Matrix<double>, Vector<float>, Vector<double>>;

/// The types of these.
template <class V>
concept StateType = std::constructible_from<StateValue, std::in_place_type_t<V>, V>;

/// A tree of named values: what a part of a training needs to go on where it was. Names are any bytes; values and children are
/// listed in the order of their names, and a value and a child may share a name.
class State {
public:
    State();
    State(const State& other);
    State(State&& other) noexcept;
    ~State();
    /// Takes the values and children of `other`; the place in the tree, which messages name, remains.
    auto operator=(State other) -> State&;

    /// Adds a value, or replaces the one of this name.
    template <StateType V>
    auto put(std::string_view name, V value) -> void {
        put_value(name, StateValue(std::in_place_type<V>, std::move(value)));
    }

    /// A value of exactly this type. Throws InputError, naming the value by its path from the root of the tree.
    template <StateType V>
    auto get(std::string_view name) const -> V {
        return std::get<V>(find(name, StateValue(std::in_place_type<V>).index()));
    }

    /// A value of any type. Throws InputError.
    auto value(std::string_view name) const -> const StateValue&;

    /// Whether there is a value, of whatever type, or a child of this name.
    auto has(std::string_view name) const -> bool;
    auto has_child(std::string_view name) const -> bool;

    /// The child of this name; an empty one is made when there is none. It stays where it is when others are added.
    auto child(std::string_view name) -> State&;
    /// The same, but throws InputError when there is none.
    auto child(std::string_view name) const -> const State&;

    /// The names of all values, and of all children.
    auto names() const -> std::vector<std::string>;
    auto children() const -> std::vector<std::string>;

    /// Whether all names and values are the same, numbers bit for bit: NaN equals NaN, but 0.0 does not equal -0.0.
    auto operator==(const State& other) const -> bool;

private:
    auto put_value(std::string_view name, StateValue value) -> void;
    auto find(std::string_view name, std::size_t type) const -> const StateValue&;
    auto path_of(std::string_view name) const -> std::string;
    auto move_to(std::string path) -> void;

    std::string path_;
    // Functions that touch the maps are not inline: clang 19 leaves the comparison of their iterators undefined in an importing
    // unit that does not include <map>.
    std::map<std::string, StateValue, std::less<>> values_;
    std::map<std::string, State, std::less<>> children_;
};

}  // namespace nbm
