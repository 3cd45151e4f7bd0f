/// A piece of a C file, and which of an artifact's translation units has it.
struct CPart {
  enum Place {
    /// Each: it makes no code until something calls it, as macros do.
    case everywhere
    /// Each whose code has its name: a table, which may take longer to read than all code.
    case whereNamed
    /// The one with the products of layers, which share more code with each other than with anything else.
    case products
    /// Any: others call it by its declaration.
    case anywhere
    /// The one that packs parameters.
    case preparing
    /// The one with its function's loops over rows.
    case running
  }

  let text: String
  let place: Place
  /// The function's name, where other units call it.
  let name: String?
  /// How they declare it.
  let declaration: String?
  /// How long compilers take for it, in bytes of arithmetic, a hundred thousand of which take clang about a second.
  let effort: Int

  init(
    _ text: String, _ place: Place, name: String? = nil, declaration: String? = nil,
    effort: Int? = nil
  ) {
    self.text = text
    self.place = place
    self.name = name
    self.declaration = declaration
    self.effort = effort ?? text.utf8.count
  }
}
