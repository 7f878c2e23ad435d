using System.Collections;
using System.Reflection;
using System.Text;
using Delos.Protocol.Chains;
using Delos.Protocol.Identity;

namespace Delos.Tests.Fuzzing;

/// <summary>
/// Random valid values of any record, by its constructor. Rules for all of them: positions and counts are not negative, <c>MinX</c> is not above <c>MaxX</c>, text is real Unicode, enums have defined values.
/// A type that it cannot make throws, so that a new message either is fuzzed or fails the test.
/// </summary>
internal static class ValueGenerator
{
    /// <param name="random">Decides.</param>
    /// <param name="type">What to make.</param>
    /// <param name="nullable">Null is a valid value.</param>
    /// <param name="choose">Another value for the parameter of that type and name; null: none.</param>
    public static object? Make(FuzzRandom random, Type type, bool nullable = false, Func<Type, string, object?>? choose = null)
    {
        if (type == typeof(bool)) return random.OneIn(2);
        if (type == typeof(byte)) return (byte)random.Number();
        if (type == typeof(ushort)) return (ushort)random.Number();
        if (type == typeof(uint)) return (uint)random.Number();
        if (type == typeof(ulong)) return random.Number();
        if (type == typeof(int)) return (int)(random.Number() & int.MaxValue);
        if (type == typeof(long)) return (long)(random.Number() & long.MaxValue);
        if (type == typeof(Guid)) return random.Guid();
        if (type == typeof(string)) return Text(random);
        if (type == typeof(ReadOnlyMemory<byte>)) return new ReadOnlyMemory<byte>(random.Bytes(random.Next(random.OneIn(8) ? 2000 : 40)));
        if (type == typeof(LogletConfig)) return nullable && random.OneIn(2) ? null : Config(random);
        if (type.IsEnum) return random.Pick([.. Enum.GetValues(type).Cast<object>()]);
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>)) return List(random, type.GetGenericArguments()[0]);
        if (type.Namespace?.StartsWith("Delos.", StringComparison.Ordinal) == true)
        {
            var constructor = type.GetConstructors().MaxBy(c => c.GetParameters().Length);
            if (constructor is { } of && of.GetParameters().Length > 0) return Record(random, of, choose);
            if (type.IsValueType) return Activator.CreateInstance(type);
        }


        throw new NotSupportedException($"ValueGenerator cannot make a {type}: teach it, or the message that holds it is not fuzzed.");
    }

    /// <summary>Equal in every property, with lists and bytes compared by what they hold.</summary>
    public static bool DeepEquals(object? a, object? b)
    {
        if (a is null || b is null) return a is null && b is null;
        if (a.GetType() != b.GetType() && !(a is IEnumerable && b is IEnumerable)) return false;
        if (a is ReadOnlyMemory<byte> x) return x.Span.SequenceEqual(((ReadOnlyMemory<byte>)b).Span);
        if (a is string or LogletConfig || a.GetType().IsPrimitive || a.GetType().IsEnum || a is Guid) return a.Equals(b);
        if (a is IEnumerable left && b is IEnumerable right) return left.Cast<object>().Zip(right.Cast<object>()).All(p => DeepEquals(p.First, p.Second)) && left.Cast<object>().Count() == right.Cast<object>().Count();
        var properties = a.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.GetIndexParameters().Length == 0).ToArray();
        return properties.All(p => DeepEquals(p.GetValue(a), p.GetValue(b)));
    }

    /// <summary>A config as the codec allows them: up to 64 replicas, stripes up to three levels deep.</summary>
    public static LogletConfig Config(FuzzRandom random, int depth = 0)
    {
        var replicas = Enumerable.Range(0, random.OneIn(10) ? random.Next(LogletConfig.MaxReplicas + 1) : random.Next(6)).Select(_ => new ReplicaId((uint)random.Number(), random.Guid())).ToArray();
        var stripes = Enumerable.Range(0, depth > 2 || !random.OneIn(3) ? 0 : random.Next(4)).Select(_ => Config(random, depth + 1)).ToArray();
        return new LogletConfig(new LogletId(random.Next64(), random.Number()), random.Pick(Enum.GetValues<LogletKind>()), (uint)random.Number(), random.Number(), replicas, stripes);
    }

    public static string Text(FuzzRandom random)
    {
        var text = new StringBuilder();
        for (var i = random.Next(random.OneIn(10) ? 300 : 12); i > 0; i--)
        {
            var rune = random.Next(4) switch
            {
                0 => random.Next(0x80),
                1 => random.Between(0x20, 0x7E),
                2 => random.Next(0xD800),
                _ => random.Between(0x10000, 0x10FFFF),
            };
            text.Append(new Rune(rune));
        }

        return text.ToString();
    }

    private static Array List(FuzzRandom random, Type element)
    {
        var list = Array.CreateInstance(element, random.Next(random.OneIn(10) ? 100 : 5));
        for (var i = 0; i < list.Length; i++) list.SetValue(Make(random, element), i);
        return list;
    }

    private static object Record(FuzzRandom random, ConstructorInfo constructor, Func<Type, string, object?>? choose)
    {
        var parameters = constructor.GetParameters();
        var nullability = new NullabilityInfoContext();
        var values = parameters.Select(p => choose?.Invoke(p.ParameterType, p.Name ?? "") ?? Make(random, p.ParameterType, nullability.Create(p).WriteState == NullabilityState.Nullable, choose)).ToArray();
        for (var i = 0; i < parameters.Length; i++)
        {
            if (parameters[i].Name is not { } name || !name.StartsWith("Min", StringComparison.Ordinal)) continue;
            var max = Array.FindIndex(parameters, p => p.Name == "Max" + name[3..]);
            if (max >= 0 && Comparer.Default.Compare(values[i], values[max]) > 0) (values[i], values[max]) = (values[max], values[i]);
        }

        return constructor.Invoke(values);
    }
}
