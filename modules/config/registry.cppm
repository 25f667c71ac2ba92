export module nbm:config.registry;

import :callbacks;
import :standard;
import :tensor;

export namespace nbm {

/// What surrounds any callback in a configuration: when it runs, under which name, and what becomes of its errors.
struct CommonOptions {
    std::string id = "";
    Epochs epochs = {};
    OnError on_error = OnError::propagate;
};

/// Shows the common options as a callback class shows its own.
auto common_options(OptionVisitor& visitor, CommonOptions& options) -> void;

/// The callback classes that a configuration can name.
template <Real T = float>
class CallbackRegistry {
public:
    struct Entry {
        std::string name;
        std::string doc;
        /// Shows all options with their defaults, the class's own before the common ones.
        std::function<void(OptionVisitor&)> list;
        /// Makes a callback from the values that the visitor assigns.
        std::function<AnyCallback<T>(OptionVisitor&)> make;
    };

    /// Adds a class under a name; a class with HasOptions gets its options from the configuration, another one is made without.
    /// Throws InputError when the name is taken.
    template <class C>
        requires Callback<C> && (HasOptions<C> || std::default_initializable<C>)
    auto add(std::string name = std::string(kind_of<C>), std::string doc = doc_of<C>()) -> CallbackRegistry& {
        check_new(name);
        entries_.push_back({std::move(name), std::move(doc), [](OptionVisitor& visitor) { visit<C>(visitor); },
                            [](OptionVisitor& visitor) { return make<C>(visitor); }});
        return *this;
    }

    inline auto entries() const -> const std::vector<Entry>& { return entries_; }
    /// Throws InputError with the nearest name.
    auto find(std::string_view name) const -> const Entry&;

private:
    template <class C>
    static auto doc_of() -> std::string {
        if constexpr (requires { C::doc; }) { return std::string(C::doc); }
        return {};
    }

    template <class C>
    static auto visit(OptionVisitor& visitor) {
        auto common = CommonOptions{};
        if constexpr (requires { requires C::expendable; }) { common.on_error = OnError::warn; }
        if constexpr (HasOptions<C>) {
            auto options = typename C::Options{};
            C::options(visitor, options);
            common_options(visitor, common);
            return std::pair(std::move(options), std::move(common));
        } else {
            common_options(visitor, common);
            return std::pair(0, std::move(common));
        }
    }

    template <class C>
    static auto make(OptionVisitor& visitor) -> AnyCallback<T> {
        auto visited = visit<C>(visitor);
        auto& common = visited.second;
        const auto wrap = [&common](C&& callback) {
            if constexpr (requires { requires C::measures; }) {
                return AnyCallback<T>(std::move(callback), std::move(common.id));  // lists must recognise it
            } else {
                return AnyCallback<T>(
                    BestEffort<Every<C>>(Every<C>(std::move(common.epochs), std::move(callback)), common.on_error),
                    std::move(common.id));
            }
        };
        if constexpr (HasOptions<C>) {
            return wrap(C(std::move(visited.first)));
        } else {
            return wrap(C{});
        }
    }

    auto check_new(const std::string& name) const -> void;

    std::vector<Entry> entries_;
};

/// All of nbm's own.
template <Real T = float>
auto builtin_callbacks() -> CallbackRegistry<T>;

}  // namespace nbm
