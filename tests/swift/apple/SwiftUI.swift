// Apple's declarations, as far as the example uses them, to check its types on Linux.
@_exported import Foundation
@_exported import UIKit

public protocol ObservableObject: AnyObject {}

@propertyWrapper
public struct Published<Value> {
    public init(wrappedValue: Value) { self.wrappedValue = wrappedValue }
    public var wrappedValue: Value
}

@dynamicMemberLookup
public struct ObservedWrapper<Object: ObservableObject> {
    public subscript<Subject>(
        dynamicMember keyPath: ReferenceWritableKeyPath<Object, Subject>
    ) -> Binding<Subject> { fatalError() }
}

@MainActor @propertyWrapper
public struct ObservedObject<Object: ObservableObject> {
    public init(wrappedValue: Object) { self.wrappedValue = wrappedValue }
    public var wrappedValue: Object
    public var projectedValue: ObservedWrapper<Object> { fatalError() }
}

@MainActor @propertyWrapper
public struct UIApplicationDelegateAdaptor<Delegate: NSObject & UIApplicationDelegate> {
    public init(_: Delegate.Type) {}
    public var wrappedValue: Delegate { fatalError() }
}

@propertyWrapper
public struct State<Value> {
    public init(wrappedValue: Value) { self.wrappedValue = wrappedValue }
    public var wrappedValue: Value { get { fatalError() } nonmutating set {} }
    public var projectedValue: Binding<Value> { fatalError() }
}

public struct Binding<Value> {}

@MainActor
public protocol View {
    associatedtype Body: View
    @ViewBuilder var body: Body { get }
}

extension Never: View { public var body: Never { return fatalError() } }

@MainActor public protocol Primitive: View where Body == Never {}
extension Primitive { public var body: Never { return fatalError() } }

public struct Group<each Content>: Primitive {}

@resultBuilder
public enum ViewBuilder {
    public static func buildExpression<Content: View>(_ content: Content) -> Content { content }
    public static func buildBlock<each Content: View>(_ content: repeat each Content)
        -> Group<repeat each Content>
    { fatalError() }
    public static func buildIf<Content: View>(_ content: Content?) -> Group<Content> { fatalError() }
    public static func buildEither<First: View, Second: View>(first: First) -> Group<First, Second> {
        fatalError()
    }
    public static func buildEither<First: View, Second: View>(second: Second) -> Group<First, Second> {
        fatalError()
    }
}

@MainActor
public protocol Scene {
    associatedtype Body: Scene
    @SceneBuilder var body: Body { get }
}
extension Never: Scene {}
@resultBuilder
public enum SceneBuilder {
    public static func buildBlock<Content: Scene>(_ content: Content) -> Content { content }
}
public struct WindowGroup<Content: View>: Scene {
    nonisolated public init(@ViewBuilder content: () -> Content) {}
    public var body: Never { return fatalError() }
}
@MainActor
public protocol App {
    associatedtype Body: Scene
    @SceneBuilder var body: Body { get }
    init()
}
extension App { public static func main() {} }

public struct ButtonRole: Sendable { public static let destructive = ButtonRole() }
public struct Font: Sendable { public static let footnote = Font() }
public struct Color: Primitive, Sendable {
    public static let red = Color()
    public static let green = Color()
    public static let secondary = Color()
    init() {}
    public init(red: Double, green: Double, blue: Double) {}
}
public enum TextAlignment { case leading, center, trailing }
public enum HorizontalAlignment { case leading, center, trailing }
public struct TextInputAutocapitalization { public static var never: Self { fatalError() } }
public struct StackStyle {}
extension StackStyle { public static var stack: StackStyle { StackStyle() } }

public struct Text: Primitive {
    public struct Interpolated: ExpressibleByStringInterpolation {
        public struct StringInterpolation: StringInterpolationProtocol {
            public init(literalCapacity: Int, interpolationCount: Int) {}
            public mutating func appendLiteral(_: String) {}
            public mutating func appendInterpolation<Value>(_: Value) {}
            public mutating func appendInterpolation(_: Double, specifier: String) {}
        }
        public init(stringLiteral: String) {}
        public init(stringInterpolation: StringInterpolation) {}
    }
    public init(_: Interpolated) {}
    @_disfavoredOverload public init<Words: StringProtocol>(_: Words) {}
    public func bold() -> Text { self }
}
public struct Label: Primitive { public init(_: String, systemImage: String) {} }
public struct Button: Primitive {
    public init(_: String, role: ButtonRole? = nil, action: @escaping @MainActor () -> Void) {}
}
public struct Toggle: Primitive { public init(_: String, isOn: Binding<Bool>) {} }
public struct TextField: Primitive { public init(_: String, text: Binding<String>) {} }
public struct Link: Primitive { public init(_: String, destination: URL) {} }
public struct Spacer: Primitive { public init() {} }
public struct Circle: Primitive {
    public init() {}
    public func fill(_: Color) -> Circle { self }
}
public struct List<Content: View>: Primitive { public init(@ViewBuilder content: () -> Content) {} }
public struct TabView<Content: View>: Primitive { public init(@ViewBuilder content: () -> Content) {} }
public struct NavigationView<Content: View>: Primitive {
    public init(@ViewBuilder content: () -> Content) {}
}
public struct Section<Content: View>: Primitive {
    public init(@ViewBuilder content: () -> Content) {}
    public init(_: String, @ViewBuilder content: () -> Content) {}
}
public struct HStack<Content: View>: Primitive { public init(@ViewBuilder content: () -> Content) {} }
public struct VStack<Content: View>: Primitive {
    public init(alignment: HorizontalAlignment = .center, @ViewBuilder content: () -> Content) {}
}
public struct ForEach<Content: View>: Primitive {
    public init<Data: RandomAccessCollection, ID: Hashable>(
        _: Data, id: KeyPath<Data.Element, ID>, @ViewBuilder content: (Data.Element) -> Content
    ) {}
}

extension View {
    public func tabItem<Item: View>(@ViewBuilder _: () -> Item) -> some View { self }
    public func font(_: Font?) -> some View { self }
    public func foregroundColor(_: Color?) -> some View { self }
    public func frame(width: Double? = nil, height: Double? = nil) -> some View { self }
    public func navigationTitle(_: String) -> some View { self }
    public func navigationViewStyle(_: StackStyle) -> some View { self }
    public func disabled(_: Bool) -> some View { self }
    public func autocorrectionDisabled(_: Bool = true) -> some View { self }
    public func textInputAutocapitalization(_: TextInputAutocapitalization?) -> some View { self }
    public func multilineTextAlignment(_: TextAlignment) -> some View { self }
    public func sheet<Content: View>(
        isPresented: Binding<Bool>, @ViewBuilder content: @escaping () -> Content
    ) -> some View { self }
}

public struct RepresentableContext {}
@MainActor
public protocol UIViewControllerRepresentable: View where Body == Never {
    associatedtype Controller
    typealias Context = RepresentableContext
    func makeUIViewController(context: Context) -> Controller
    func updateUIViewController(_ controller: Controller, context: Context)
}
extension UIViewControllerRepresentable { public var body: Never { return fatalError() } }
