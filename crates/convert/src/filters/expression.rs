//! Arithmetic in the values of filters: `iw/2`, `min(iw, 640)`, `(in_w-out_w)/2`.

use brooklet_media::{Error, Result};

/// How deep parentheses may nest.
const MAX_DEPTH: u32 = 50;
/// The longest expression in bytes.
const MAX_LENGTH: usize = 1_000;

/// An expression over variables that have names.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Expression {
    Number(f64),
    /// The variable of this number in the list that it was parsed with.
    Variable(usize),
    Call(Function, Vec<Self>),
}

/// Operators and functions, with ffmpeg's names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Function {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    Negate,
    Minimum,
    Maximum,
    Modulo,
    Floor,
    Ceiling,
    Truncate,
    Round,
    Absolute,
    If,
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

use Function::*;

/// Name and number of arguments.
const FUNCTIONS: [(&str, Function, std::ops::RangeInclusive<usize>); 14] = [
    ("min", Minimum, 2..=2),
    ("max", Maximum, 2..=2),
    ("mod", Modulo, 2..=2),
    ("floor", Floor, 1..=1),
    ("ceil", Ceiling, 1..=1),
    ("trunc", Truncate, 1..=1),
    ("round", Round, 1..=1),
    ("abs", Absolute, 1..=1),
    ("if", If, 2..=3),
    ("eq", Equal, 2..=2),
    ("lt", Less, 2..=2),
    ("lte", LessOrEqual, 2..=2),
    ("gt", Greater, 2..=2),
    ("gte", GreaterOrEqual, 2..=2),
];

impl Expression {
    /// Reads an expression over the variables of `names`.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] or [`Error::Unsupported`], which say where it can't be read.
    pub(crate) fn parse(text: &str, names: &[&str]) -> Result<Self> {
        Error::check_limit("filters", "the length of an expression", text.len() as u64, MAX_LENGTH as u64)?;
        let mut parser = Parser { text, rest: text, names, depth: 0 };
        let expression = parser.sum()?;
        if parser.peek().is_some() {
            return Err(parser.failed("an operator"));
        }
        Ok(expression)
    }

    /// Its value, with variables from the list that belongs to the names that it was parsed with.
    pub(crate) fn value(&self, variables: &[f64]) -> f64 {
        let (function, of) = match self {
            Self::Number(number) => return *number,
            Self::Variable(at) => return variables.get(*at).copied().unwrap_or(f64::NAN),
            Self::Call(function, of) => (*function, of),
        };
        let of = |at: usize| of.get(at).map_or(0.0, |expression| expression.value(variables));
        let truth = |truth: bool| f64::from(u8::from(truth));
        match function {
            Add => of(0) + of(1),
            Subtract => of(0) - of(1),
            Multiply => of(0) * of(1),
            Divide => of(0) / of(1),
            Power => of(0).powf(of(1)),
            Negate => -of(0),
            Minimum => of(0).min(of(1)),
            Maximum => of(0).max(of(1)),
            Modulo => of(0) - (of(0) / of(1)).floor() * of(1),
            Floor => of(0).floor(),
            Ceiling => of(0).ceil(),
            Truncate => of(0).trunc(),
            Round => of(0).round(),
            Absolute => of(0).abs(),
            If => of(if of(0) != 0.0 { 1 } else { 2 }),
            Equal => truth(of(0) == of(1)),
            Less => truth(of(0) < of(1)),
            LessOrEqual => truth(of(0) <= of(1)),
            Greater => truth(of(0) > of(1)),
            GreaterOrEqual => truth(of(0) >= of(1)),
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
    names: &'a [&'a str],
    depth: u32,
}

impl<'a> Parser<'a> {
    fn sum(&mut self) -> Result<Expression> {
        let mut left = self.product()?;
        while let Some(operator) = self.take_of(&[('+', Add), ('-', Subtract)]) {
            left = Expression::Call(operator, vec![left, self.product()?]);
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Expression> {
        let mut left = self.power()?;
        while let Some(operator) = self.take_of(&[('*', Multiply), ('/', Divide)]) {
            left = Expression::Call(operator, vec![left, self.power()?]);
        }
        Ok(left)
    }

    fn power(&mut self) -> Result<Expression> {
        let mut left = self.operand()?;
        while let Some(operator) = self.take_of(&[('^', Power)]) {
            left = Expression::Call(operator, vec![left, self.operand()?]);
        }
        Ok(left)
    }

    fn operand(&mut self) -> Result<Expression> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.failed("less nested"));
        }
        let operand = match self.peek() {
            Some('-') => {
                self.take('-');
                Expression::Call(Negate, vec![self.operand()?])
            }
            Some('+') => {
                self.take('+');
                self.operand()?
            }
            Some('(') => {
                self.take('(');
                let inner = self.sum()?;
                self.expect(')')?;
                inner
            }
            Some(c) if c.is_ascii_digit() || c == '.' => {
                let number = self.word(|c| c.is_ascii_digit() || c == '.');
                Expression::Number(number.parse().map_err(|_| self.failed("a number"))?)
            }
            Some(c) if c.is_ascii_alphabetic() => self.named()?,
            _ => return Err(self.failed("a number, a name or '('")),
        };
        self.depth -= 1;
        Ok(operand)
    }

    /// A variable, or a function with its arguments.
    fn named(&mut self) -> Result<Expression> {
        let name = self.word(|c| c.is_ascii_alphanumeric() || c == '_');
        if !self.take('(') {
            let variable = self.names.iter().position(|known| *known == name);
            return variable.map(Expression::Variable).ok_or_else(|| {
                Error::unsupported(format!("'{name}' in '{}'", self.text), self.names.join(", "))
            });
        }
        let mut of = vec![self.sum()?];
        while self.take(',') {
            of.push(self.sum()?);
        }
        self.expect(')')?;
        let function = FUNCTIONS.iter().find(|(known, _, count)| *known == name && count.contains(&of.len()));
        function.map(|(_, function, _)| Expression::Call(*function, of)).ok_or_else(|| {
            let known: Vec<_> = FUNCTIONS.iter().map(|(known, ..)| *known).collect();
            Error::unsupported(format!("'{name}(…)' in '{}'", self.text), known.join(", "))
        })
    }

    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start();
        self.rest.chars().next()
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.rest = &self.rest[wanted.len_utf8()..];
        }
        found
    }

    fn take_of(&mut self, operators: &[(char, Function)]) -> Option<Function> {
        operators.iter().find(|(operator, _)| self.take(*operator)).map(|(_, function)| *function)
    }

    fn expect(&mut self, wanted: char) -> Result<()> {
        if self.take(wanted) { Ok(()) } else { Err(self.failed(&format!("'{wanted}'"))) }
    }

    fn word(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn failed(&self, wanted: &str) -> Error {
        let at = self.text.len() - self.rest.len();
        Error::Usage(format!("'{}' can't be read: not {wanted} at character {}", self.text, at + 1))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn arithmetic() {
        let value = |text: &str| {
            Expression::parse(text, &["iw", "ih"]).map(|expression| expression.value(&[640.0, 360.0]))
        };
        for (text, expected) in [
            ("iw/2", 320.0),
            ("-2", -2.0),
            ("1+2*3-4/2", 5.0),
            ("2^3*2", 16.0),
            ("(iw - ih) * .5", 140.0),
            ("trunc(ih/7/2)*2", 50.0),
            ("if(gt(iw, ih), min(iw,500), 1)", 500.0),
            ("mod(-1,3)", 2.0),
            ("if(0,1)", 0.0),
        ] {
            assert_eq!(value(text), Ok(expected), "{text}");
        }
        for text in ["", "1+", "iw ih", "(1", "foo", "min(1)", "1..2", "sin(1)"] {
            assert!(value(text).is_err(), "{text}");
        }
        assert!(value(&"(".repeat(10_000)).is_err());
        assert!(value(&"-".repeat(10_000)).is_err());
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "[-+*/^()a-z0-9., ]{0,40}") {
            if let Ok(expression) = Expression::parse(&text, &["a", "b"]) {
                expression.value(&[1.0, 2.0]);
            }
        }
    }
}
