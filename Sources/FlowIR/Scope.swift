/// The place in the model that an operation comes from, such as `transform.transforms.0.hyper.2`.
///
/// Scopes are for people: they do not change what an operation means.
public struct Scope: Hashable, Sendable {
  /// The path; empty at the top level.
  public var path: String

  /// Makes a scope from its path.
  public init(_ path: String = "") { self.path = path }

  /// The scope of a part named `name` of this one.
  public func child(_ name: String) -> Scope {
    path.isEmpty ? Scope(name) : Scope(path + "." + name)
  }
}
