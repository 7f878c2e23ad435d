using System.Text;

namespace Delos.Daemon.Configuration;

/// <summary>Writes the documented sample file from the table; a test keeps the delosd.conf in the repository in step with it.</summary>
internal static class SampleConfig
{
    public static string Text()
    {
        var text = new StringBuilder();
        text.Append("""
            # Configuration of delosd. Every key is shown with its default, commented out unless it must be set.
            # Environment variables DELOS_<SECTION>_<KEY> override this file, and --set section.key=value overrides both.
            # 'delosd config check --config FILE' finds mistakes, 'delosd config show' tells each value and where it came from.

            """);
        foreach (var (section, doc) in ConfigKeys.Sections)
        {
            text.Append($"\n# {doc}\n[{section}]\n");
            foreach (var key in ConfigKeys.All.Where(k => k.Section == section))
            {
                text.Append($"\n# {key.Doc}\n# {char.ToUpperInvariant(ConfigValues.Describe(key)[0])}{ConfigValues.Describe(key)[1..]}.\n");
                text.Append(key.Required ? $"{key.Name} = 1\n" : $"#{key.Name} = {key.Default}".TrimEnd() + "\n");
            }
        }

        return text.ToString();
    }
}
