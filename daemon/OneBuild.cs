using System.Reflection;
using Delos.Client;
using Delos.Daemon.Commands;
using Delos.Protocol.Identity;

namespace Delos.Daemon;

/// <summary>
/// What is published is compiled ahead of time as one unit (see delosd.csproj): code and layouts of one assembly are built into the others, and nothing in the run time notices that one of ours
/// was exchanged alone. (The framework's come along and are nobody's to exchange.) Such a program must not touch anybody's data.
/// </summary>
internal static class OneBuild
{
    /// <exception cref="CommandException">They are not of one build.</exception>
    public static void Check() => Check([.. new[] { typeof(OneBuild), typeof(DelosClient), typeof(LogletId) }.Select(type => type.Assembly).Select(a => (a.GetName().Name ?? "", VersionOf(a)))]);

    /// <param name="parts">Names, and versions with the source's revision; the first is this program's.</param>
    public static void Check(IReadOnlyList<(string Name, string Version)> parts)
    {
        foreach (var (name, version) in parts)
        {
            if (version != parts[0].Version)
            {
                throw new CommandException(ExitCode.Failed, $"{name}.dll is of build {version}, {parts[0].Name} of build {parts[0].Version}: they work only together. Install all files of one build.");
            }
        }
    }

    private static string VersionOf(Assembly assembly) => assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";
}
