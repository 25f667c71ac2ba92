export module nbm:callbacks.options;

import :standard;

export namespace nbm {

/// What values an option may take beyond its type.
struct OptionRule {
    double least = -std::numeric_limits<double>::infinity();
    double most = std::numeric_limits<double>::infinity();
    bool required = false;     // there is no default
    bool is_template = false;  // a path with placeholders
};

/// A number of at least `least`, or within [least, most]; something without a default; a path with placeholders.
inline auto at_least(double least) -> OptionRule { return {.least = least}; }
inline auto within(double least, double most) -> OptionRule { return {.least = least, .most = most}; }
inline auto required() -> OptionRule { return {.required = true}; }
inline auto path_template() -> OptionRule { return {.is_template = true}; }

/// One option of a callback, as its class describes it.
struct OptionInfo {
    std::string name;
    std::string doc;
    OptionRule rule;
    std::vector<std::string> choices;  // of an enumeration, else empty
};

/// The member that an option sets. An enumeration is the index of a choice; a path is meant relative to the folder of the run.
using OptionRef = std::variant<bool*, std::size_t*, double*, char*, std::string*, std::filesystem::path*, std::optional<double>*,
                               std::vector<std::size_t>*, std::vector<double>*, std::vector<std::string>*>;

/// What a callback class shows its options to, one call for each, in `static auto options(OptionVisitor&, Options&) -> void`: the
/// one table that configuration files, the list of all options and the record of a run's configuration are made from.
class OptionVisitor {
public:
    OptionVisitor() = default;
    OptionVisitor(const OptionVisitor&) = delete;
    auto operator=(const OptionVisitor&) -> OptionVisitor& = delete;
    virtual ~OptionVisitor() = default;

    template <class V>
        requires std::constructible_from<OptionRef, V*>
    auto option(std::string name, V& member, std::string doc, OptionRule rule = {}) -> void {
        visit({std::move(name), std::move(doc), rule, {}}, &member);
    }

    /// An enumeration with the values 0, 1, ... in the order of `names`.
    template <class E>
        requires std::is_enum_v<E>
    auto choice(std::string name, E& member, std::string doc, std::vector<std::string> names) -> void {
        auto index = static_cast<std::size_t>(member);
        visit({std::move(name), std::move(doc), {}, std::move(names)}, &index);
        member = static_cast<E>(index);
    }

protected:
    virtual auto visit(OptionInfo info, OptionRef member) -> void = 0;
};

/// A callback class with options.
template <class C>
concept HasOptions = std::default_initializable<typename C::Options> && std::constructible_from<C, typename C::Options> &&
                     requires(OptionVisitor& visitor, typename C::Options& options) { C::options(visitor, options); };

}  // namespace nbm
