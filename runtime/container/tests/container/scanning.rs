//! What is counted before a component reaches the compiler.

use std::collections::BTreeSet;

use cryptlet_container::{LoadError, Part};
use wasm_encoder::{
    CodeSection, Component, ComponentTypeSection, CustomSection, Function, FunctionSection,
    InstanceType, Instruction, Module, ModuleSection, NestedComponentSection, TypeSection, ValType,
};

use crate::guests::{manifest, with_section};
use crate::host::CONTAINER;

fn refused(component: Component) -> LoadError {
    let bytes = with_section(component.finish(), manifest("contract", "").as_bytes());
    match CONTAINER.load(&bytes) {
        Ok(_) => panic!("it was loaded"),
        Err(error) => error,
    }
}

fn one_more_than_allowed(part: Part) -> usize {
    usize::try_from(part.allowed() + 1).expect("the bounds fit")
}

fn holding(modules: impl IntoIterator<Item = Module>) -> Component {
    let mut component = Component::new();
    for module in modules {
        component.section(&ModuleSection(&module));
    }
    component
}

fn nested(levels: usize) -> Component {
    (0..levels).fold(Component::new(), |inner, _| {
        let mut outer = Component::new();
        outer.section(&NestedComponentSection(&inner));
        outer
    })
}

fn core_types(count: usize, parameters: usize) -> Module {
    let mut types = TypeSection::new();
    for _ in 0..count {
        let parameters = std::iter::repeat_n(ValType::I32, parameters);
        types.ty().function(parameters, []);
    }
    let mut module = Module::new();
    module.section(&types);
    module
}

fn module_of(bodies: impl IntoIterator<Item = Function>) -> Module {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let (mut functions, mut code) = (FunctionSection::new(), CodeSection::new());
    for mut body in bodies {
        body.instruction(&Instruction::End);
        functions.function(0);
        code.function(&body);
    }
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&code);
    module
}

fn custom_sections(count: usize, bytes: usize) -> Component {
    let data = vec![0; bytes];
    let mut component = Component::new();
    for _ in 0..count {
        component.section(&CustomSection {
            name: "x".into(),
            data: data.as_slice().into(),
        });
    }
    component
}

/// A component that has too much of one thing alone.
fn bomb(part: Part) -> Component {
    let count = one_more_than_allowed(part);
    match part {
        Part::Modules => holding(std::iter::repeat_with(Module::new).take(count)),
        Part::Levels => nested(count),
        Part::Types => holding([core_types(count, 0)]),
        Part::TypeBytes => holding([core_types(count / 1_000 + 1, 1_000)]),
        Part::Functions => holding([module_of((0..count).map(|_| Function::new([])))]),
        Part::FunctionBytes => {
            let mut body = Function::new([]);
            for _ in 0..count {
                body.instruction(&Instruction::Nop);
            }
            holding([module_of([body])])
        }
        Part::Locals => {
            let each = 50_000;
            let bodies = count.div_ceil(each);
            holding([module_of(
                (0..bodies).map(|_| Function::new([(50_000, ValType::I64)])),
            )])
        }
        Part::Items => {
            let mut globals = wasm_encoder::GlobalSection::new();
            let ty = wasm_encoder::GlobalType {
                val_type: ValType::I32,
                mutable: false,
                shared: false,
            };
            for _ in 0..count {
                globals.global(ty, &wasm_encoder::ConstExpr::i32_const(0));
            }
            let mut module = Module::new();
            module.section(&globals);
            holding([module])
        }
        Part::CustomSections => custom_sections(count, 0),
        Part::CustomBytes => custom_sections(2, count / 2),
    }
}

#[test]
fn too_much_of_anything_is_named_before_it_is_compiled() {
    let mut named = BTreeSet::new();
    for part in Part::ALL {
        let error = refused(bomb(part));
        let LoadError::Excessive { part: found, .. } = error else {
            panic!("{part}: {error}");
        };
        assert_eq!(found, part);
        let text = error.to_string();
        assert!(text.contains(&part.allowed().to_string()), "{text}");
        named.insert(text);
    }
    assert_eq!(named.len(), Part::ALL.len());
}

#[test]
fn types_in_types_count() {
    let mut inner = InstanceType::new();
    for _ in 0..one_more_than_allowed(Part::Types) {
        inner
            .ty()
            .defined_type()
            .primitive(wasm_encoder::PrimitiveValType::U8);
    }
    let mut types = ComponentTypeSection::new();
    types.instance(&inner);
    let mut component = Component::new();
    component.section(&types);
    assert!(matches!(
        refused(component),
        LoadError::Excessive {
            part: Part::Types,
            ..
        }
    ));
}

/// The compiler's own reader goes down as deep as the bytes say, on the stack of whoever loads.
#[test]
fn types_that_lie_deep_in_types_overflow_no_stack() {
    // An instance type of one declaration, which is an instance type of one declaration, and so on.
    let depth = 200_000;
    let mut section = vec![1];
    section.extend([0x42, 1, 1].repeat(depth));
    section.extend([0x42, 0]);
    let mut component = Component::new();
    component.section(&wasm_encoder::RawSection {
        id: 7,
        data: &section,
    });
    let error = refused(component);
    assert!(matches!(error, LoadError::NotAComponent(_)), "{error}");
    assert!(error.to_string().contains("nesting"), "{error}");
}
