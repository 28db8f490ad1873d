//! Device models, by vendor family.
//!
//! A machine file names a model, such as `stm32.usart.v1`, and gives its parameters; [`create`] makes
//! the device. A model knows no address, chip or interrupt number: those are the machine file's.

pub mod cortex_m;
pub mod ext;
pub mod riscv;
pub mod sifive;
pub mod stm32;
pub mod ti;

use emu_core::Device;

/// Makes a device from the parameters that a machine file gives it.
pub type Build = fn(toml::Table) -> Result<Box<dyn Device>, ParameterError>;

/// One entry of the catalogue.
#[derive(Clone, Copy)]
pub struct Model {
    /// Name in machine files, such as `stm32.usart.v1`.
    pub name: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    /// Its maker.
    pub build: Build,
}

/// A parameter of a device is missing, unknown or of the wrong type.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ParameterError(pub String);

/// Reads a model's parameters; unknown names are an error when the type says `deny_unknown_fields`.
///
/// # Errors
/// [`ParameterError`] that names the parameter.
pub fn parameters<T: for<'a> serde::Deserialize<'a>>(
    table: toml::Table,
) -> Result<T, ParameterError> {
    table
        .try_into()
        .map_err(|e: toml::de::Error| ParameterError(e.message().to_owned()))
}

/// All models of all families.
pub fn models() -> impl Iterator<Item = &'static Model> {
    [
        cortex_m::MODELS,
        riscv::MODELS,
        sifive::MODELS,
        stm32::MODELS,
        ti::MODELS,
        ext::MODELS,
    ]
    .into_iter()
    .flatten()
}

/// Why a device could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// There is no model of that name.
    #[error("there is no device model `{0}`")]
    UnknownModel(String),
    /// The parameters do not fit.
    #[error(transparent)]
    Parameter(#[from] ParameterError),
}

/// Make a device of a model.
///
/// # Errors
/// [`CreateError`] when the model is unknown or its parameters do not fit.
pub fn create(model: &str, parameters: toml::Table) -> Result<Box<dyn Device>, CreateError> {
    let m = models()
        .find(|m| m.name == model)
        .ok_or_else(|| CreateError::UnknownModel(model.to_owned()))?;
    Ok((m.build)(parameters)?)
}
