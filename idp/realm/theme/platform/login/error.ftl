<#-- Where a sign-in ends without going back to the service: say what may be the reason, and the way back. -->
<#import "template.ftl" as layout>
<@layout.registrationLayout displayMessage=false; section>
<#if section = "header">
${msg("errorTitle")}
<#elseif section = "form">
<p id="kc-error-message" class="instruction">
  <#-- Keycloak says only this when a level needs a second factor that the account has not. -->
  <#if message.summary == msg("invalidUserMessage")>${msg("credentialSetupRequired")}<#else>${kcSanitize(message.summary)?no_esc}</#if>
</p>
<#if !skipLink?? && client?? && (client.baseUrl!'')?has_content>
<p><a id="backToApplication" href="${client.baseUrl}">${msg("backToApplication")}</a></p>
</#if>
</#if>
</@layout.registrationLayout>
