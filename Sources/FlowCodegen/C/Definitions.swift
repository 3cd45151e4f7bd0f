import FlowIR

/// The tables and functions of a C file that others in it use, each defined once by its text.
final class Definitions {
  /// What this file defines, in order.
  private(set) var parts: [CPart] = []
  private var tables: [String: String]
  private var functions: [String: String]

  /// Starts with what a file that stands before in the same C file has defined.
  init(after previous: Definitions?) {
    tables = previous?.tables ?? [:]
    functions = previous?.functions ?? [:]
  }

  /// The name of a static table with these contents.
  func table(_ type: String, _ contents: String) -> String {
    let key = type + contents
    if let name = tables[key] { return name }
    let name = "table_\(tables.count)"
    tables[key] = name
    let text = "static const \(type) \(name)[] = {\(contents)};"
    parts.append(CPart(text, .whereNamed, name: name))
    return name
  }

  /// The name of a static table of whole numbers.
  func table(_ values: [Int], type: String = "int32_t") -> String {
    table(type, values.map(String.init).joined(separator: ", "))
  }

  /// The name of a function, given its parameters in parentheses and its body in braces.
  func function(
    _ prefix: String, _ parameters: String, _ body: String, effort: Int? = nil
  ) -> String {
    define(prefix, parameters + body) { name in
      let head = "FK_PART void \(name)\(parameters)"
      return CPart(
        "\(head) \(body)", .anywhere, name: name, declaration: head + ";", effort: effort)
    }
  }

  /// The name of a layer's function, given what its macro takes after the name.
  func layer(_ arguments: String) -> String {
    define("layer", arguments) { name in
      CPart(
        "FK_DEFINE_GEMM(\(name), \(arguments))", .products, name: name,
        declaration: "FK_DECLARE_GEMM(\(name));", effort: 1000)
    }
  }

  /// The name of something that layers are made of, given its text for a name.
  func ofLayers(
    _ prefix: String, _ key: String, effort: Int? = nil, text: (String) -> String
  ) -> String {
    define(prefix, key) { CPart(text($0), .products, effort: effort) }
  }

  /// The name of what all uses of a key share.
  private func define(_ prefix: String, _ key: String, part: (String) -> CPart) -> String {
    if let name = functions[key] { return name }
    let name = "\(prefix)_\(functions.count)"
    functions[key] = name
    parts.append(part(name))
    return name
  }
}

extension Definitions {
  /// The name of a table of panels, in the order of a list if there is one.
  func panels(_ layout: PanelLayout, order: [Int]? = nil) -> String {
    let panels = (order ?? Array(layout.panels.indices)).map { index in
      let panel = layout.panels[index]
      let numbers = [
        panel.weights, panel.row, panel.rows, panel.first, panel.k, panel.stride,
      ]
      return "{\(numbers.map(String.init).joined(separator: ", "))}"
    }
    return table("fk_panel", panels.joined(separator: ", "))
  }

  /// The name of a table of a mask's bits in row-major order, 32 to a word, least significant first.
  func bits(_ mask: Mask) -> String {
    var words: [String] = []
    var index = 0
    while index < mask.bits.count {
      var word: UInt32 = 0
      for bit in 0..<32 where index + bit < mask.bits.count && mask.bits[index + bit] {
        word |= 1 << UInt32(bit)
      }
      words.append("0x" + String(word, radix: 16))
      index += 32
    }
    return table("uint32_t", words.joined(separator: ", "))
  }
}
