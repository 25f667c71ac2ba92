module nbm:io.state_impl;

import :io.state;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace {

/// For messages, in the order of StateValue.
constexpr auto kinds = std::array{"truth value",
                                  "whole number",
                                  "signed whole number",
                                  "number",
                                  "text",
                                  "list of numbers",
                                  "list of whole numbers",
                                  "list of texts",
                                  "matrix of float32",
                                  "matrix of float64",
                                  "vector of float32",
                                  "vector of float64"};
static_assert(kinds.size() == std::variant_size_v<StateValue>);

template <class Map>
auto keys_of(const Map& map) -> std::vector<std::string> {
    auto keys = std::vector<std::string>{};
    for (const auto& [key, value] : map) { keys.push_back(key); }
    return keys;
}

auto not_among(std::string_view what, std::string_view name, const std::vector<std::string>& names) -> std::string {
    return names.empty() ? fmt::format("it has no {} there", what) : unknown_name(what, name, names);
}

template <class T>
auto same_bits(std::span<const T> a, std::span<const T> b) -> bool {
    return std::ranges::equal(std::as_bytes(a), std::as_bytes(b));
}

struct SameBits {
    template <class V>
    auto operator()(const V& a, const V& b) const -> bool {
        if constexpr (std::same_as<V, double>) {
            return same_bits<double>({&a, 1}, {&b, 1});
        } else if constexpr (std::same_as<V, std::vector<double>>) {
            return same_bits<double>(a, b);
        } else if constexpr (requires { a.shape(); }) {
            using T = typename V::value_type;
            return a.shape() == b.shape() && same_bits<T>({a.data(), a.size()}, {b.data(), b.size()});
        } else {
            return a == b;
        }
    }
    template <class A, class B>
    auto operator()(const A&, const B&) const -> bool {
        return false;
    }
};

}  // namespace

State::State() = default;
State::State(const State&) = default;
State::State(State&&) noexcept = default;
State::~State() = default;

auto State::operator=(State other) -> State& {
    values_ = std::move(other.values_);
    children_ = std::move(other.children_);
    move_to(path_);
    return *this;
}

auto State::put_value(std::string_view name, StateValue value) -> void {
    values_.insert_or_assign(std::string(name), std::move(value));
}

auto State::value(std::string_view name) const -> const StateValue& {
    const auto found = values_.find(name);
    if (found == values_.end()) {
        throw InputError(fmt::format("the state has no '{}': {}", path_of(name), not_among("value", name, names())));
    }
    return found->second;
}

auto State::find(std::string_view name, std::size_t type) const -> const StateValue& {
    const auto found = values_.find(name);
    if (found != values_.end() && found->second.index() == type) { return found->second; }
    const auto reason =
        found == values_.end() ? not_among("value", name, names()) : fmt::format("there it is a {}", kinds[found->second.index()]);
    throw InputError(fmt::format("the state has no '{}' ({}): {}", path_of(name), kinds[type], reason));
}

auto State::has(std::string_view name) const -> bool { return values_.contains(name); }
auto State::has_child(std::string_view name) const -> bool { return children_.contains(name); }

auto State::child(std::string_view name) -> State& {
    const auto found = children_.find(name);
    if (found != children_.end()) { return found->second; }
    auto& made = children_[std::string(name)];
    made.path_ = path_of(name);
    return made;
}

auto State::child(std::string_view name) const -> const State& {
    const auto found = children_.find(name);
    if (found == children_.end()) {
        throw InputError(fmt::format("the state has no part '{}': {}", path_of(name), not_among("part", name, children())));
    }
    return found->second;
}

auto State::names() const -> std::vector<std::string> { return keys_of(values_); }
auto State::children() const -> std::vector<std::string> { return keys_of(children_); }

auto State::operator==(const State& other) const -> bool {
    return children_ == other.children_ && std::ranges::equal(values_, other.values_, [](const auto& a, const auto& b) {
               return a.first == b.first && std::visit(SameBits{}, a.second, b.second);
           });
}

auto State::path_of(std::string_view name) const -> std::string {
    return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
}

auto State::move_to(std::string path) -> void {
    path_ = std::move(path);
    for (auto& [name, child] : children_) { child.move_to(path_of(name)); }
}

}  // namespace nbm
