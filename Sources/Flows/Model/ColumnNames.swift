import FlowFiles

/// The names of the columns that a flow was trained on.
public struct ColumnNames: Sendable, Hashable {
  /// The names of the features; empty if they are not known.
  public var x: [String]
  /// The names of the context features; empty if they are not known.
  public var context: [String]

  /// Makes names.
  public init(x: [String] = [], context: [String] = []) {
    self.x = x
    self.context = context
  }

  /// The key of the names in a model file's metadata, which the Python package reads too.
  static let key = "flowir.columns"

  /// Whether no name is known.
  public var isEmpty: Bool { x.isEmpty && context.isEmpty }

  /// The names as a JSON object of two lists.
  public var json: JSONValue {
    func list(_ names: [String]) -> JSONValue { .array(names.map { .string($0) }) }
    return .object([.init("x", list(x)), .init("context", list(context))])
  }

  /// Reads a JSON object; nil if it is not one of two lists of names.
  public init?(_ json: JSONValue) {
    var found: [[String]] = []
    for key in ["x", "context"] {
      switch json[key] {
      case nil: found.append([])
      case .array(let items):
        var names: [String] = []
        for item in items {
          guard case .string(let name) = item else { return nil }
          names.append(name)
        }
        found.append(names)
      default: return nil
      }
    }
    self.init(x: found[0], context: found[1])
  }
}

extension SafetensorsFile {
  /// The names of the columns of a model with so many features and context features; none if the file
  /// does not state them.
  func columnNames(
    path: String, features: Int, context: Int
  ) throws(FileError) -> ColumnNames {
    guard let text = metadata[ColumnNames.key] else { return ColumnNames() }
    guard let json = try? JSONValue.parse(text.utf8), let names = ColumnNames(json),
      [0, features].contains(names.x.count), [0, context].contains(names.context.count)
    else {
      throw .malformed(
        path: path, offset: 8,
        reason:
          "'\(ColumnNames.key)' in its metadata is not a JSON object of \(features) names in x "
          + "and \(context) in context")
    }
    return names
  }
}
