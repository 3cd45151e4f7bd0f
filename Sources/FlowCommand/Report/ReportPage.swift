import CReportPage
import FlowFiles
import Flows

/// A page about a model and some of its functions: one file that needs nothing else.
struct ReportPage {
  let text: String

  /// The page of a model at `path`.
  init(_ functions: [FunctionReport], of model: Model, path: String) {
    let table = StringTable()
    let parameters = model.parameters.map { parameter in
      JSONValue.array([
        .string(parameter.name), .array(parameter.shape.map { .integer($0) }),
        .bool(parameter.isTrainable),
      ])
    }
    let name = path.split(separator: "/").last.map(String.init) ?? path
    let data = JSONValue.object([
      .init("model", .string(name)), .init("version", .string(Flowir.configuration.version)),
      .init("description", .string(model.description?.json.text ?? "built by a program")),
      .init("features", .integer(model.features)), .init("context", .integer(model.context)),
      .init("columns", .array(model.columns.x.map { .string($0) })),
      .init("parameters", .array(parameters)),
      .init("functions", .array(functions.map { $0.json(table) })),
      .init("strings", .array(table.strings.map { .string($0) })),
    ])
    // A "<" could end the element that holds the data.
    let safe = data.text.replacing("<", with: "\\u003c")
    text = String(cString: fr_page_head()) + safe + String(cString: fr_page_foot())
  }
}
