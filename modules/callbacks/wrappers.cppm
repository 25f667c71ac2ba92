export module nbm:callbacks.wrappers;

import :callbacks.concepts;
import :callbacks.contexts;
import :callbacks.plan;
import :callbacks.session;
import :standard;

export namespace nbm {

/// A choice of epochs, counted from 1 as users count them: each `every`-th one after `after` and before `before` (0: no end), those
/// in `at`, and with `at_end` the last one. Where none of `every`, `at` and `at_end` is given, all after `after` and before
/// `before`.
struct Epochs {
    std::size_t every = 0;
    std::size_t after = 0;
    std::size_t before = 0;
    std::vector<std::size_t> at = {};
    bool at_end = false;
    bool once = false;  // only the first of them

    /// Whether the epoch with this index (from 0) is chosen; `last` tells that no other follows.
    auto contains(std::size_t index, bool last) const -> bool;
    /// Whether it may yet prove chosen when it ends.
    auto may_contain(std::size_t index) const -> bool;
};

/// Epochs n, 2n, 3n, ...; none when n = 0.
inline auto every(std::size_t n) -> Epochs { return {.every = n, .before = n == 0 ? std::size_t{1} : 0}; }
/// Just this one.
inline auto once(std::size_t epoch) -> Epochs { return {.at = {epoch}}; }
/// All before this one.
inline auto before(std::size_t epoch) -> Epochs { return {.before = epoch}; }
/// All after this one.
inline auto after(std::size_t epoch) -> Epochs { return {.after = epoch}; }
/// Just these.
inline auto at(std::vector<std::size_t> epochs) -> Epochs { return {.at = std::move(epochs), .at_end = false}; }
/// Just the last one.
inline auto at_end() -> Epochs { return {.at_end = true}; }

/// Calls the hooks of epochs, batches, gradients and validation of another callback in chosen epochs only; all its other hooks
/// always. Keep an lvalue by reference with Every<C&>.
template <class C>
    requires(Callback<std::remove_reference_t<C>> && !Composite<std::remove_reference_t<C>>)
class Every {
public:
    using wrapped = std::remove_reference_t<C>;

    constexpr Every(Epochs epochs, C callback) : epochs_(std::move(epochs)), callback_(std::forward<C>(callback)) {}

    auto id() const -> std::string { return id_of(callback_); }
    constexpr auto callback() -> wrapped& { return callback_; }

    template <class Hook, class X>
    constexpr auto invoke(X& context) -> Flow {
        if constexpr (requires { context.last; }) {
            // Both hooks of validation or none: what the first one began, the second one ends.
            const auto chosen = std::is_same_v<Hook, hook::EpochBegin> ? epochs_.may_contain(context.epoch)
                                                                       : epochs_.contains(context.epoch, context.last);
            return chosen ? call_hook<Hook>(callback_, context) : Flow::proceed;
        } else if constexpr (std::is_base_of_v<BatchInfo, std::remove_const_t<X>>) {
            return epochs_.may_contain(context.epoch) ? call_hook<Hook>(callback_, context) : Flow::proceed;
        } else {
            return call_hook<Hook>(callback_, context);
        }
    }
    template <class Hook, class X>
    constexpr auto invoke(X& context) const -> Flow {
        return call_hook<Hook>(callback_, context);
    }

private:
    Epochs epochs_;
    C callback_;
};

template <class C>
Every(Epochs, C&&) -> Every<C>;

/// Gives a callback an id of its own: in messages, timing and checkpoints, where two of one kind need different ones.
template <class C>
    requires(Callback<std::remove_reference_t<C>> && !Composite<std::remove_reference_t<C>>)
class Named {
public:
    using wrapped = std::remove_reference_t<C>;

    constexpr Named(std::string id, C callback) : id_(std::move(id)), callback_(std::forward<C>(callback)) {}

    auto id() const -> const std::string& { return id_; }
    constexpr auto callback() -> wrapped& { return callback_; }

    template <class Hook, class X>
    constexpr auto invoke(X& context) -> Flow {
        return call_hook<Hook>(callback_, context);
    }
    template <class Hook, class X>
    constexpr auto invoke(X& context) const -> Flow {
        return call_hook<Hook>(callback_, context);
    }

private:
    std::string id_;
    C callback_;
};

template <class C>
Named(std::string, C&&) -> Named<C>;

/// What becomes of an exception of a callback: it ends the training, or becomes a warning, or a warning and the callback's end.
enum class OnError : std::uint8_t { propagate, warn, disable };

/// Keeps the exceptions of another callback from ending the training, except those of its set-up, which are about wrong
/// configuration.
template <class C>
    requires(Callback<std::remove_reference_t<C>> && !Composite<std::remove_reference_t<C>>)
class BestEffort {
public:
    using wrapped = std::remove_reference_t<C>;

    constexpr explicit BestEffort(C callback, OnError on_error = OnError::warn)
        : callback_(std::forward<C>(callback)), on_error_(on_error) {}

    auto id() const -> std::string { return id_of(callback_); }
    constexpr auto callback() -> wrapped& { return callback_; }

    template <class Hook, class X>
    constexpr auto invoke(X& context) -> Flow {
        if constexpr (std::is_same_v<Hook, hook::Setup>) { disabled_ = false; }
        if constexpr (!std::is_base_of_v<Info, std::remove_const_t<X>> || std::is_same_v<Hook, hook::Setup>) {
            return call_hook<Hook>(callback_, context);
        } else {
            constexpr auto is_end = std::is_same_v<Hook, hook::Teardown> || std::is_same_v<Hook, hook::Exception>;
            if (disabled_ && !is_end) { return Flow::proceed; }
            if (on_error_ == OnError::propagate) { return call_hook<Hook>(callback_, context); }
            try {
                return call_hook<Hook>(callback_, context);
            } catch (...) {
                context.warn(describe_failure(Hook::name, id()));
                context.attribute(Flow::proceed, {});  // forgets a reason to stop that it gave before
                disabled_ = on_error_ == OnError::disable;
                return Flow::proceed;
            }
        }
    }
    template <class Hook, class X>
    constexpr auto invoke(X& context) const -> Flow {
        return call_hook<Hook>(callback_, context);
    }

private:
    C callback_;
    OnError on_error_;
    bool disabled_ = false;
};

template <class C>
BestEffort(C&&) -> BestEffort<C>;
template <class C>
BestEffort(C&&, OnError) -> BestEffort<C>;

}  // namespace nbm
